"""Stripe as the payment provider, from plain settings, and no key in any word of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from checkout.payments import declarations
from checkout.payments.stripe_payments import StripeProvider
from checkout.ports import ports
from gateway.stripe_account import PATH, VAULT_PATH, provider
from interventions.ports import ports as seams

if TYPE_CHECKING:
    from pytest_django import Settings

TAIL = "ofTheTests0000000001"
SECRET = f"whsec_{TAIL}"
TEST: dict[str, Any] = {
    "secret_key": f"sk_test_{TAIL}",
    "webhook_secrets": [SECRET],
    "merchant_id": "profile_1",
}
LIVE = TEST | {"secret_key": f"rk_live_{TAIL}"}


@pytest.fixture
def production(settings: Settings) -> None:
    changed = {"DEMO": False, "PUBLIC_URL": "https://shop.example"}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}


@pytest.fixture(autouse=True)
def _as_before(settings: Settings) -> Iterator[None]:
    yield
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY}


def complaints(settings: Settings, agreed: dict[str, Any], **more: Any) -> list[str]:
    """What the system checks say of the payment provider when the settings name Stripe."""
    changed = {"PAYMENTS": PATH, "STRIPE": agreed, **more}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}
    return [str(entry) for entry in run_checks() if "'PAYMENTS'" in entry.msg or "STRIPE" in entry.msg]


def plugged() -> StripeProvider:
    """Who is paid, behind whatever stands before every provider."""
    made: Any = ports().payments
    made = getattr(made, "inner", made)
    assert isinstance(made, StripeProvider)
    return made


def test_the_demo_takes_a_key_of_the_test_mode(settings: Settings) -> None:
    assert complaints(settings, TEST) == []

    made = plugged()
    assert made.terms.merchant_name == "Demo Shop"
    assert made.terms.api_origin == "https://api.stripe.com"
    assert tuple(made.challenge_origins) == ("https://hooks.stripe.com",)
    assert "3ds" in seams().providers


@pytest.mark.requirement("ACP-174", "ACP-176", "ACP-177", "ACP-178", "ACP-182", "ACP-187")
def test_agents_are_told_how_to_pay(settings: Settings) -> None:
    assert complaints(settings, TEST) == []

    [told] = ports().payments.handlers(currency="usd")

    assert declarations.problems([told]) == []
    assert (told.name, told.psp, told.credential_types) == ("dev.acp.tokenized.card", "stripe", ("spt",))
    assert told.requires_delegate_payment
    assert not told.requires_pci_compliance
    assert told.config["merchant_id"] == "profile_1"
    assert told.config["merchant_display_name"] == "Demo Shop"
    assert told.config["delegate_id"] == "stripe"
    assert told.config["environment"] == "sandbox"
    assert told.config["supports_3ds"] is True
    assert ports().payments.handlers(currency="mga") == ()


def test_without_3d_secure_it_is_not_said_to_run(settings: Settings) -> None:
    assert complaints(settings, TEST | {"supports_3ds": False}) == []

    [told] = ports().payments.handlers(currency="usd")
    assert told.config["supports_3ds"] is False
    assert "3ds_versions" not in told.config
    assert "3ds" not in seams().providers


@pytest.mark.usefixtures("production")
def test_a_live_shop_takes_live_keys(settings: Settings) -> None:
    assert complaints(settings, LIVE) == []

    [told] = ports().payments.handlers(currency="usd")
    assert told.config["environment"] == "production"


@pytest.mark.usefixtures("production")
@pytest.mark.requirement("T90")
def test_a_live_shop_takes_a_test_key_only_when_told_to(settings: Settings) -> None:
    [warned] = complaints(settings, TEST | {"test_keys": True})
    assert "agentic.W121" in warned
    assert len(complaints(settings, TEST)) == 1
    assert len(complaints(settings, TEST | {"test_keys": "yes"})) == 1


WRONG: list[dict[str, Any]] = [
    LIVE,
    {},
    TEST | {"secret_key": ""},
    TEST | {"secret_key": None},
    TEST | {"secret_key": f"pk_test_{TAIL}"},
    TEST | {"secret_key": f"sk_test_{TAIL}\r\nX: y"},
    TEST | {"webhook_secrets": SECRET},
    TEST | {"webhook_secrets": [f"sk_test_{TAIL}"]},
    TEST | {"webhook_secrets": [None]},
    TEST | {"merchant_id": ""},
    TEST | {"merchant_id": "m" * 257},
    TEST | {"capture": "later"},
    TEST | {"three_d_secure": "automatic"},
    TEST | {"supports_3ds": "yes"},
    TEST | {"payment_methods": 1},
    TEST | {"token_parameter": "token"},
    TEST | {"token_version": "latest"},
    TEST | {"version": "2026-10-28"},
    TEST | {"brands": []},
    TEST | {"brands": ["visa", "diner"]},
    TEST | {"brands": "visa"},
    TEST | {"funding_types": ["gold"]},
    TEST | {"handler_id": "a b"},
    TEST | {"api_origin": "http://api.stripe.com"},
    TEST | {"api_origin": "https://api.stripe.com/v1"},
    TEST | {"api_origin": None},
    TEST | {"challenge_origins": []},
    TEST | {"challenge_origins": "https://hooks.stripe.com"},
    TEST | {"challenge_origins": ["javascript:alert(1)"]},
    TEST | {"acquirer": {"acquirer_bin": "400000"}},
    TEST | {"timeout_seconds": 80},
    TEST | {"timeout_seconds": 0},
    TEST | {"retries": 5},
    TEST | {"retries": True},
    TEST | {"secret": f"sk_test_{TAIL}"},
]


@pytest.mark.parametrize("agreed", WRONG, ids=str)
def test_what_is_wrong_is_reported_without_a_key(
    settings: Settings, caplog: pytest.LogCaptureFixture, agreed: dict[str, Any]
) -> None:
    found = complaints(settings, agreed)

    assert [text for text in found if "agentic.E004" in text], found
    assert TAIL not in "".join(found)
    assert TAIL not in caplog.text
    with pytest.raises(ImproperlyConfigured) as caught:
        provider()
    assert TAIL not in str(caught.value)


def test_money_taken_at_once_is_not_taken_on_shipment(settings: Settings) -> None:
    assert complaints(settings, TEST | {"capture": "automatic"}) == []
    assert len(complaints(settings, TEST | {"capture": "automatic"}, CAPTURE="on_shipment")) == 1


def test_a_shop_that_stripe_cannot_tell_of_events_is_warned(settings: Settings) -> None:
    [found] = complaints(settings, {name: value for name, value in TEST.items() if name != "webhook_secrets"})

    assert "agentic.W120" in found


@pytest.mark.requirement("ACP-022")
def test_nobody_has_the_library_write_tokens_down(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIPE_LOG", "debug")

    [found] = complaints(settings, TEST)

    assert "agentic.E120" in found


def test_no_key_is_in_the_repr_of_the_settings_or_the_terms(settings: Settings) -> None:
    complaints(settings, TEST)
    made = plugged()

    from gateway.conf import conf

    assert TAIL not in repr((conf(), made, made.terms))


@pytest.mark.parametrize("named", [VAULT_PATH, [VAULT_PATH], None, {"part": VAULT_PATH, "surplus": 1}])
def test_a_vault_that_is_named_otherwise_breaks_nothing(settings: Settings, named: Any) -> None:
    """A plain path is an easy mistake: the checks say so, and payments go on."""
    assert complaints(settings, TEST, VAULT=named) == []
    assert plugged().terms.merchant_id == "profile_1"
    told = [entry.id for entry in run_checks() if "'VAULT'" in entry.msg]
    assert told == (["agentic.E110"] if named else [])
