"""What must sit at the origin root: `path("", include("gateway.well_known"))` (ACP-233)."""

from django.urls import path

from gateway.acp.discovery import Discovery

urlpatterns = [
    path(".well-known/acp.json", Discovery.as_view(), name="agentic_acp_discovery"),
]
