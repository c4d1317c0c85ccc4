"""Where we are somebody's person server, and what others verify our tokens with."""

from django.urls import path

from gateway.aauth.person_server import metadata

urlpatterns = [
    path("jwks", metadata.Keys.as_view(), name="jwks"),
]
