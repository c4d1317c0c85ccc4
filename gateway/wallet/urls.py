"""The wallet's addresses, below its issuer's path."""

from django.urls import path

from gateway.wallet.endpoints import Confirmation, Description, Keys, Token
from gateway.wallet.pages import Authorize, Embed

urlpatterns = [
    path(".well-known/openid-configuration", Description.as_view()),
    path("jwks", Keys.as_view()),
    path("authorize", Authorize.as_view()),
    path("embed", Embed.as_view()),
    path("token", Token.as_view()),
    path("confirmations/<str:confirmation>", Confirmation.as_view()),
]
