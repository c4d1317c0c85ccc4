"""`{INTERACTION_BASE}/...` (AJ-031). What is no capability stands before the last route."""

from django.urls import re_path

from gateway.interaction_api import audit_views, session_views, views

urlpatterns = [
    re_path(r"^session\Z", session_views.SessionView.as_view(), name="agentic_agent_session"),
    re_path(r"^audit/(?P<token>[^/]+)\Z", audit_views.Artifact.as_view(), name="agentic_audit"),
    re_path(r"^audit-keys\Z", audit_views.Keys.as_view(), name="agentic_audit_keys"),
    # Anything at all, line ends included: unknown addresses answer in the envelope too.
    re_path(r"^(?P<place>[\s\S]*)", views.Capabilities.as_view(), name="agentic_capability"),
]
