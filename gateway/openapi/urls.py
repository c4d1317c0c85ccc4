"""Optional, for a merchant too: `path("api/", include("gateway.openapi.urls"))`."""

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.urls import path

from gateway.openapi.views import Docs, Schema

NEEDED = ("drf_spectacular", "drf_spectacular_sidecar")

if missing := [app for app in NEEDED if not apps.is_installed(app)]:
    raise ImproperlyConfigured(f"gateway.openapi.urls needs in INSTALLED_APPS: {', '.join(missing)}.")

app_name = "agentic_api"

urlpatterns = [
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", Docs.as_view(), name="docs"),
]
