"""URLs of the demo: the project's, and a stranger's wallet and bank that happen to be here."""

from django.urls import include, path

from gateway.project.urls import urlpatterns as of_the_project

urlpatterns = [
    path("sandbox-wallet/", include("gateway.wallet.urls")),
    path("sandbox-bank/", include("gateway.wallet.bank_urls")),
    *of_the_project,
]
