"""`{api_base_url}/...` (ACP-025)."""

from django.urls import path, re_path

from gateway.acp import cart_views, delegated, views

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
    path("carts", cart_views.Carts.as_view(), name="carts"),
    path("carts/<str:cart_id>", cart_views.Cart.as_view(), name="cart"),
    path("carts/<str:cart_id>/cancel", cart_views.CartCancel.as_view(), name="cart_cancel"),
    path("agentic_commerce/delegate_payment", delegated.DelegatePayment.as_view(), name="delegate_payment"),
    path(
        "delegate_authentication",
        delegated.DelegateAuthentication.as_view(),
        name="delegate_authentication",
    ),
    path(
        "delegate_authentication/<str:authentication_id>/authenticate",
        delegated.DelegateAuthenticationAuthenticate.as_view(),
        name="delegate_authentication_authenticate",
    ),
    path(
        "delegate_authentication/<str:authentication_id>",
        delegated.DelegatedAuthentication.as_view(),
        name="delegated_authentication",
    ),
    path("orders/<str:order_id>", views.Order.as_view(), name="order"),
    # Anything at all: a dot would leave out line ends, which would then get an HTML page.
    re_path(r"", views.Nothing.as_view(), name="nothing"),
]
