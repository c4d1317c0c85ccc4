"""The sandbox bank's addresses."""

from django.urls import path

from gateway.wallet.bank import Asking, Authentication, Known, ProofOf, Run, Verification
from gateway.wallet.bank_page import ChallengePage, FingerprintPage

urlpatterns = [
    path("challenges", Asking.as_view()),
    path("challenges/<str:challenge>", Known.as_view()),
    path("challenges/<str:challenge>/verification", Verification.as_view()),
    path("challenges/<str:challenge>/run", Run.as_view()),
    path("challenges/<str:challenge>/authentication", Authentication.as_view()),
    path("challenges/<str:challenge>/proof", ProofOf.as_view()),
    path("challenges/<str:challenge>/fingerprint", FingerprintPage.as_view()),
    path("challenges/<str:challenge>/page", ChallengePage.as_view()),
]
