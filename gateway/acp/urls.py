"""`{api_base_url}/...` (ACP-025)."""

from django.urls import path, re_path

from gateway.acp import views

app_name = "acp"

urlpatterns = [
    path("checkout_sessions", views.CheckoutSessions.as_view(), name="checkout_sessions"),
    path("checkout_sessions/<str:session_id>", views.CheckoutSession.as_view(), name="checkout_session"),
    path(
        "checkout_sessions/<str:session_id>/complete",
        views.CheckoutSessionComplete.as_view(),
        name="checkout_session_complete",
    ),
    path(
        "checkout_sessions/<str:session_id>/cancel",
        views.CheckoutSessionCancel.as_view(),
        name="checkout_session_cancel",
    ),
    # Anything at all: a dot would leave out line ends, which would then get an HTML page.
    re_path(r"", views.Nothing.as_view(), name="nothing"),
]
