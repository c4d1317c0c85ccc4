"""What a merchant includes: `path("agentic/", include("gateway.urls"))`."""

from django.urls import include, path, re_path

from gateway.acp.views import Nothing
from gateway.app_endpoint import AppMessages
from gateway.health import Healthz, Readyz
from gateway.payment_webhook import PaymentWebhook
from gateway.person.codes import CodePage
from gateway.person.confirm import ConfirmPage, ReturnPage
from gateway.person.consent import ConsentPage
from gateway.person.element import ElementPage
from gateway.person.embedded import EmbedPage
from gateway.person.handoff import ReviewPage
from gateway.person.handoff_address import AddressPage
from gateway.person.handoff_contact import ContactPage
from gateway.person.handoff_delivery import DeliveryPage
from gateway.person.handoff_payment import PaymentPage
from gateway.person.interaction import InteractionPage, InteractionStanding
from gateway.person.interaction_ask import AskPage
from gateway.person.issuer_return import IssuerReturn
from gateway.person.orders import OrderPage
from gateway.person.passkeys import PasskeyOptions, PasskeyPage, PasskeyProof, PasskeyStatus
from gateway.switched import at

app_name = "agentic"

urlpatterns = [
    path("acp/", include("gateway.acp.urls")),
    path("orders/<str:order_id>", OrderPage.as_view(), name="order"),
    path("confirm/<str:ticket>", ConfirmPage.as_view(), name="confirm"),
    path("confirm/returned/<str:payment_id>", IssuerReturn.as_view(), name="issuer_return"),
    path("confirm/<str:ticket>/return", ReturnPage.as_view(), name="confirm_return"),
    path("confirm/<str:ticket>/embed", EmbedPage.as_view(), name="confirm_embed"),
    path("confirm/<str:ticket>/element", ElementPage.as_view(), name="confirm_element"),
    path("confirm/<str:ticket>/code", CodePage.as_view(), name="confirm_code"),
    path("confirm/<str:ticket>/passkey", PasskeyPage.as_view(), name="passkey"),
    path("confirm/<str:ticket>/passkey/options", PasskeyOptions.as_view(), name="passkey_options"),
    path("confirm/<str:ticket>/passkey/proof", PasskeyProof.as_view(), name="passkey_proof"),
    path("confirm/<str:ticket>/passkey/status", PasskeyStatus.as_view(), name="passkey_status"),
    path("confirm/<str:ticket>/consent", ConsentPage.as_view(), name="consent"),
    path("checkout/<str:ticket>", ReviewPage.as_view(), name="handoff"),
    path("checkout/<str:ticket>/contact", ContactPage.as_view(), name="handoff_contact"),
    path("checkout/<str:ticket>/address", AddressPage.as_view(), name="handoff_address"),
    path("checkout/<str:ticket>/delivery", DeliveryPage.as_view(), name="handoff_delivery"),
    path("checkout/<str:ticket>/payment", PaymentPage.as_view(), name="handoff_payment"),
    path("aauth/i/<str:slug>", InteractionPage.as_view(), name="interaction"),
    path("aauth/i/<str:slug>/ask", AskPage.as_view(), name="interaction_ask"),
    path("aauth/i/<str:slug>/standing", InteractionStanding.as_view(), name="interaction_standing"),
    path("account/", include("gateway.person.account_urls")),
    path("account/", include("gateway.person.push_urls")),
    at("account/app", AppMessages.as_view(), "app"),
    path("payments/webhook", PaymentWebhook.as_view(), name="payment_webhook"),
    path("healthz", Healthz.as_view(), name="healthz"),
    path("readyz", Readyz.as_view(), name="readyz"),
    path("aauth/", include("gateway.aauth.urls")),
    re_path(r"", Nothing.as_view(), name="nothing"),
]
