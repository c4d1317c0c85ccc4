"""Where we are somebody's person server, and what others verify our tokens with."""

from django.urls import path

from gateway.aauth.person_server import metadata, revocation_views, token_views

urlpatterns = [
    path("jwks", metadata.Keys.as_view(), name="jwks"),
    path("revoke", revocation_views.Revoke.as_view(), name="revoke"),
    path("person/person-token", token_views.PersonTokens.as_view(), name="person_token"),
    path("person/auth-token", token_views.AuthTokens.as_view(), name="auth_token"),
    path("person/token", token_views.OlderTokens.as_view(), name="older_token"),
]
