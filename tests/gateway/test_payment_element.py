"""Stripe's Payment Element from plain settings: which keys where, and no key in any word about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from gateway.payment_element import provider
from interventions.ports import ports
from interventions.providers.payment_element import PaymentElementProvider

if TYPE_CHECKING:
    from pytest_django import Settings

TAIL = "ofTheTests0000000001"
TEST = {"publishable_key": f"pk_test_{TAIL}", "secret_key": f"sk_test_{TAIL}"}
LIVE = {"publishable_key": f"pk_live_{TAIL}", "secret_key": f"rk_live_{TAIL}"}
PART = {"part": "gateway.payment_element.provider"}


@pytest.fixture
def production(settings: Settings) -> None:
    changed = {"DEMO": False, "PUBLIC_URL": "https://shop.example"}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}


def complaints(settings: Settings, kind: str = "webview", **agreed: Any) -> list[Any]:
    """What the system checks say when the settings name it for this type."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "INTERVENTIONS": {kind: {**PART, **agreed}}}
    return [entry for entry in run_checks() if str(entry.id).startswith("agentic.E04")]


def test_the_demo_takes_keys_of_the_test_mode(settings: Settings) -> None:
    assert complaints(settings, **TEST) == []

    made = ports().providers["webview"]
    assert isinstance(made, PaymentElementProvider)
    assert (made.name, tuple(made.origins)) == ("Stripe", ("http://localhost:8000",))
    assert made.arrangement.api_origin == "https://api.stripe.com"


@pytest.mark.usefixtures("production")
def test_a_live_shop_takes_live_keys(settings: Settings) -> None:
    assert complaints(settings, **LIVE, name="Stripe Payments Europe") == []

    made = ports().providers["webview"]
    assert isinstance(made, PaymentElementProvider)
    assert (made.name, tuple(made.origins)) == ("Stripe Payments Europe", ("https://shop.example",))


@pytest.mark.usefixtures("production")
def test_a_live_shop_takes_test_keys_only_when_told_to(settings: Settings) -> None:
    assert complaints(settings, **TEST, test_keys=True) == []
    assert [entry.id for entry in complaints(settings, **TEST)] == ["agentic.E041"]
    assert [entry.id for entry in complaints(settings, **TEST, test_keys="no")] == ["agentic.E041"]


WRONG: list[dict[str, Any]] = [
    LIVE,
    TEST | {"secret_key": LIVE["secret_key"]},
    TEST | {"publishable_key": LIVE["publishable_key"]},
    TEST | {"publishable_key": TEST["secret_key"]},
    TEST | {"secret_key": TEST["publishable_key"]},
    TEST | {"secret_key": ""},
    TEST | {"secret_key": None},
    TEST | {"secret_key": f"{TEST['secret_key']}\r\nX: y"},
    TEST | {"secret_key": f"{TEST['secret_key']}\n"},
    TEST | {"publishable_key": f'{TEST["publishable_key"]}"'},
    TEST | {"api_origin": "http://api.stripe.com"},
    TEST | {"api_origin": "https://api.stripe.com/"},
    TEST | {"api_origin": "https://api.stripe.com; script-src *"},
    TEST | {"script_origin": "https://js.stripe.com/v3"},
    TEST | {"script_origin": "http://js.stripe.com"},
    TEST | {"script_origin": None},
    TEST | {"three_d_secure": "never"},
    TEST | {"name": ""},
    TEST | {"secret": TEST["secret_key"]},
    {"publishable_key": TEST["publishable_key"]},
    {"secret_key": TEST["secret_key"]},
    {},
]


@pytest.mark.parametrize("agreed", WRONG, ids=str)
def test_what_is_wrong_is_reported_without_a_key_and_runs_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture, agreed: dict[str, Any]
) -> None:
    found = complaints(settings, **agreed)

    assert [entry.id for entry in found] == ["agentic.E041"]
    assert "webview" not in ports().providers
    assert TAIL not in str(found) + caplog.text


def test_loopback_is_for_the_demo(settings: Settings) -> None:
    here = {"api_origin": "http://127.0.0.1:9", "script_origin": "http://127.0.0.1:9"}
    assert complaints(settings, **TEST, **here) == []

    changed = {"DEMO": False, "PUBLIC_URL": "https://shop.example"}
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, **changed}

    assert [entry.id for entry in complaints(settings, **LIVE, **here)] == ["agentic.E041"]


def test_it_runs_no_redirects(settings: Settings) -> None:
    assert [entry.id for entry in complaints(settings, "redirect", **TEST)] == ["agentic.E046"]


def test_a_shop_without_an_address_has_no_page_for_it(settings: Settings) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PUBLIC_URL": ""}

    with pytest.raises(ImproperlyConfigured, match="PUBLIC_URL"):
        provider(**TEST)
