"""What a merchant includes: `path("agentic/", include("gateway.urls"))`."""

from django.urls import include, path, re_path

from gateway.acp.views import Nothing
from gateway.health import Healthz, Readyz
from gateway.person.confirm import ConfirmPage, ReturnPage
from gateway.person.orders import OrderPage

app_name = "agentic"

urlpatterns = [
    path("acp/", include("gateway.acp.urls")),
    path("orders/<str:order_id>", OrderPage.as_view(), name="order"),
    path("confirm/<str:ticket>", ConfirmPage.as_view(), name="confirm"),
    path("confirm/<str:ticket>/return", ReturnPage.as_view(), name="confirm_return"),
    path("healthz", Healthz.as_view(), name="healthz"),
    path("readyz", Readyz.as_view(), name="readyz"),
    re_path(r"", Nothing.as_view(), name="nothing"),
]
