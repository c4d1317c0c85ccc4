"""URLs of the runnable project. A merchant includes the first two in his own, and the third if he likes."""

from django.contrib import admin
from django.urls import include, path

from gateway.health import Healthz, Readyz

urlpatterns = [
    path("agentic/", include("gateway.urls")),
    path("", include("gateway.well_known")),
    path("api/", include("gateway.openapi.urls")),
    path("healthz", Healthz.as_view()),
    path("readyz", Readyz.as_view()),
    path("admin/", admin.site.urls),
    path("", include("gateway.project.pages")),
]
