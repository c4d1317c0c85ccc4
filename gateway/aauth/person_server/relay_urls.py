"""Where agents ask for their person (`{PUBLIC_URL}/aauth/person/...`)."""

from django.urls import path

from gateway.aauth.person_server import relay_views

urlpatterns = [
    path("interaction", relay_views.PersonInteraction.as_view(), name="person_interaction"),
    path("relay/<str:token>", relay_views.PersonRelay.as_view(), name="person_relay"),
]
