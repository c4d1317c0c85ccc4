"""URLs of the demo: the project's, and a stranger's wallet that happens to be here."""

from django.urls import include, path

from gateway.project.urls import urlpatterns as of_the_project

urlpatterns = [path("sandbox-wallet/", include("gateway.wallet.urls")), *of_the_project]
