"""Where agents ask what became of a call that waits for a person, and for what their person lets them know;
and what we are besides a resource (`{PUBLIC_URL}/aauth/...`)."""

from django.urls import include, path, re_path

from gateway.aauth import account, views

app_name = "aauth"

urlpatterns = [
    path("account", account.Account.as_view(), name="account"),
    path("pending/<str:token>", views.Pending.as_view(), name="pending"),
    path("", include("gateway.aauth.person_server.urls")),
    path("person/", include("gateway.aauth.person_server.relay_urls")),
    re_path(r"", views.Nothing.as_view(), name="nothing"),
]
