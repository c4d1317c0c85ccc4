"""System checks name the key that is wrong (decision 4, decision 6)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.checks import run_checks
from django.test import override_settings
from django.urls import path

from gateway import agents, checks, operators
from gateway.conf import conf
from gateway.models import Agent
from gateway.project.demo import DEMO_SECRET_KEY

GOOD = "k" * 40
WALLET = {
    "part": "gateway.openid.provider",
    "issuer": "https://w.example",
    "client_id": "shop",
    "client_secret": "a secret",
}


PASSKEYS = {"part": "gateway.passkeys.provider"}


def found(**changed: Any) -> set[str]:
    """The ids of our checks under changed settings."""
    from django.conf import settings

    with override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, **changed}):
        return {entry.id for entry in run_checks() if entry.id and entry.id.startswith("agentic.")}


def in_production(**changed: Any) -> set[str | None]:
    """The ids that the database checks find outside the demo."""
    from django.conf import settings

    with override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, "DEMO": False, **changed}):
        return {entry.id for entry in checks.database(None, databases=["default"])}


def test_the_demo_settings_are_clean() -> None:
    assert found() == set()


@pytest.mark.requirement("ACP-154")
def test_a_provider_that_is_in_order_is_clean_also_outside_the_demo() -> None:
    widget = WALLET | {"readback_url": "https://wallet.example/confirmations/{id}"}
    changed = found(
        INTERVENTIONS={"redirect": WALLET, "webview": widget, "biometric": PASSKEYS},
        PUBLIC_URL="https://shop.example",
        DEMO=False,
    )

    assert not [entry for entry in changed if entry.startswith(("agentic.E04", "agentic.W04"))]


@pytest.mark.requirement("ACP-001")
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"PUBLIC_URI": "https://x.example"}, "agentic.E001"),
        ({"PRESELECT": "dearest"}, "agentic.E002"),
        ({"RELAY": "pigeon"}, "agentic.E002"),
        ({"ORDERS_API": "no"}, "agentic.E002"),
        ({"ATTEMPT_SECONDS": 30.0}, "agentic.E016"),
        ({"PAYMENT_SECONDS": 0}, "agentic.E091"),
        ({"PAYMENT_SECONDS": "20"}, "agentic.E091"),
        ({"IDEMPOTENCY_LEASE_SECONDS": 20.0}, "agentic.E092"),
        ({"ATTEMPT_SECONDS": 60.0, "PAYMENT_SECONDS": 60.0}, "agentic.E092"),
        ({"MESSAGE_LEASE_SECONDS": 40.0}, "agentic.E093"),
        ({"PAYMENT_BREAKER_FAILURES": 21}, "agentic.E094"),
        ({"PAYMENT_BREAKER_FAILURES": 0}, "agentic.E094"),
        ({"PAYMENT_BREAKER_SECONDS": 31}, "agentic.E095"),
        ({"PAYMENT_BREAKER_SECONDS": 0}, "agentic.E095"),
        ({"PAYMENT_EVENTS_KEEP_DAYS": 0}, "agentic.E096"),
        ({"CATALOG": "nowhere.Catalog"}, "agentic.E004"),
        ({"CATALOG": "gateway.shop.stock.ShopInventory"}, "agentic.E005"),
        ({"PUBLIC_URL": ""}, "agentic.E006"),
        ({"PUBLIC_URL": "https://x.example/path"}, "agentic.E006"),
        ({"PUBLIC_URL": "http://x.example", "DEMO": False}, "agentic.E007"),
        ({"LANGUAGES": []}, "agentic.E030"),
        ({"LANGUAGES": "de"}, "agentic.E030"),
        ({"LANGUAGES": ["de", "../en"]}, "agentic.E030"),
        ({"LANGUAGES": ["de", 1]}, "agentic.E030"),
        ({"LANGUAGES": ["pt-br", "pt-BR"]}, "agentic.E031"),
        ({"LINKS": {"type": "faq"}}, "agentic.E032"),
        ({"LINKS": ["https://x.example"]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "https://x.example", "text": "x"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "terms_of_service", "url": "https://x.example"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "/faq"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "https:///faq"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "https://x.example/a b"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "https://[x"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "javascript:x"}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "https://x.example", "title": 1}]}, "agentic.E032"),
        ({"LINKS": [{"type": "faq", "url": "https://x.example", "title": {"": "FAQ"}}]}, "agentic.E032"),
        ({"INTERVENTIONS": ["redirect"]}, "agentic.E040"),
        ({"INTERVENTIONS": {"carrier_pigeon": {"part": "gateway.openid.provider"}}}, "agentic.E040"),
        ({"INTERVENTIONS": {"otp": {"part": "gateway.openid.provider"}}}, "agentic.E040"),
        ({"INTERVENTIONS": {"redirect": "gateway.openid.provider"}}, "agentic.E041"),
        ({"INTERVENTIONS": {"redirect": {"part": "nowhere.Provider"}}}, "agentic.E041"),
        ({"INTERVENTIONS": {"redirect": {"part": "gateway.openid.provider"}}}, "agentic.E041"),
        ({"INTERVENTIONS": {"redirect": WALLET | {"issuers": 1}}}, "agentic.E041"),
        ({"INTERVENTIONS": {"redirect": WALLET | {"issuer": "wallet"}}}, "agentic.E041"),
        ({"INTERVENTIONS": {"redirect": WALLET | {"issuer": None}}}, "agentic.E041"),
        (
            {"INTERVENTIONS": {"redirect": WALLET | {"issuer": "http://w.example"}}, "DEMO": False},
            "agentic.E041",
        ),
        ({"INTERVENTIONS": {"redirect": {"part": "gateway.shop.stock.ShopInventory"}}}, "agentic.E042"),
        ({"INTERVENTIONS": {"redirect": WALLET | {"page_origins": ["https://w.example/"]}}}, "agentic.E043"),
        (
            {"INTERVENTIONS": {"redirect": WALLET | {"page_origins": ["http://w.example"]}}, "DEMO": False},
            "agentic.E043",
        ),
        ({"INTERVENTIONS": {"webview": WALLET}}, "agentic.E045"),
        (
            {"INTERVENTIONS": {"redirect": WALLET | {"client_secret": "demo-only-x"}}, "DEMO": False},
            "agentic.E044",
        ),
        ({"INTERVENTIONS": {"biometric": {"part": "gateway.openid.provider"}}}, "agentic.E041"),
        ({"INTERVENTIONS": {"biometric": {"part": "gateway.shop.stock.ShopInventory"}}}, "agentic.E042"),
        ({"INTERVENTIONS": {"biometric": PASSKEYS | {"nickname": "x"}}}, "agentic.E041"),
        ({"INTERVENTIONS": {"biometric": PASSKEYS}, "PUBLIC_URL": "http://127.0.0.1:8000"}, "agentic.W040"),
        ({"INTERVENTIONS": {"biometric": PASSKEYS}, "PUBLIC_URL": "https://[::1]"}, "agentic.W040"),
        ({"INTERVENTIONS": {"biometric": PASSKEYS}, "PUBLIC_URL": "http://shop.test"}, "agentic.W040"),
        ({"INTERVENTIONS": {"address_verification": True}}, "agentic.E041"),
        ({"INTERVENTIONS": {"address_verification": {"part": "nowhere.Check"}}}, "agentic.E041"),
        (
            {"INTERVENTIONS": {"address_verification": {"part": "gateway.shop.stock.ShopInventory"}}},
            "agentic.E042",
        ),
        ({"OTP_CHANNELS": []}, "agentic.E070"),
        ({"OTP_CHANNELS": "email"}, "agentic.E070"),
        ({"OTP_CHANNELS": 7}, "agentic.E070"),
        ({"OTP_CHANNELS": ["email", "pigeon"]}, "agentic.E070"),
        ({"OTP_CHANNELS": ["email", 7]}, "agentic.E070"),
        ({"OTP_CHANNELS": ["sms", "sms"]}, "agentic.E070"),
        ({"OTP_CHANNELS": ["sms"], "SMS": {}}, "agentic.E071"),
        ({"OTP_CHANNELS": ["email"], "SMS": {"part": "nowhere.Texts"}}, "agentic.E071"),
        ({"SMS": {"part": "gateway.project.texts.FolderMessages", "dir": "x"}}, "agentic.E071"),
        ({"SMS": ["gateway.project.texts.FolderMessages"]}, "agentic.E071"),
        ({"SMS": {"part": "gateway.shop.stock.ShopInventory"}}, "agentic.E072"),
        ({"DEMO": False}, "agentic.E073"),
        ({"HASH_KEYS": []}, "agentic.E008"),
        ({"HASH_KEYS": ["short"], "DEMO": False}, "agentic.E009"),
        ({"DEMO": False}, "agentic.E010"),
        ({"DEMO": False}, "agentic.E003"),
    ],
)
def test_a_wrong_setting_is_named(changed: dict[str, Any], expected: str) -> None:
    assert expected in found(**changed)


@pytest.mark.requirement("ACP-067")
def test_links_of_every_kind_are_fine() -> None:
    links = [
        {"type": "terms_of_use", "url": "https://shop.example/terms"},
        {"type": "faq", "url": "https://shop.example/faq?x=1#top", "title": "Questions"},
        {"type": "support", "url": "mailto:help@shop.example", "title": {"en": "Help", "de": "Hilfe"}},
        {"type": "contact_us", "url": "tel:+49301234"},
    ]

    assert found(LINKS=links, LANGUAGES=["de", "pt-BR", "zh-Hant"]) == set()


def test_the_message_names_the_key() -> None:
    from django.conf import settings

    with override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, "PUBLIC_URI": "x"}):
        (message,) = checks.keys(None)

    assert "PUBLIC_URI" in message.msg


def test_without_the_shop_every_port_must_be_named() -> None:
    from django.conf import settings

    apps = [app for app in settings.INSTALLED_APPS if app != "gateway.shop"]
    with override_settings(INSTALLED_APPS=apps):
        missing = {entry.msg.split("'")[1] for entry in checks.parts(None) if entry.id == "agentic.E003"}

    assert missing == {"CATALOG", "FULFILLMENT", "PRICING", "INVENTORY", "ORDER_SINK"}


def test_production_settings_with_good_secrets_pass(settings: Any) -> None:
    settings.SECRET_KEY = GOOD

    names = found(
        DEMO=False,
        PUBLIC_URL="https://shop.example",
        HASH_KEYS=[GOOD],
        PAYMENTS="checkout.payments.sandbox.SandboxProvider",
        RATE_STORE="redis://store",
        INTERVENTIONS={},
        SANDBOX_BANK={},
        OTP_CHANNELS=["email"],
        SMS={},
        VAULT={},
        AUTHENTICATION={},
        AAUTH_ISSUERS={},
        REACH_PUSH_KEY="",
    )

    assert names == {"agentic.W001"}


@pytest.mark.requirement("ACP-197")
@pytest.mark.parametrize("key", ["VAULT", "AUTHENTICATION"])
def test_who_takes_cards_is_looked_at(key: str) -> None:
    assert found(**{key: {}}) == set()
    assert found(**{key: {"part": "nowhere.Vault"}}) == {"agentic.E110"}
    assert found(**{key: "gateway.sandbox.vault"}) == {"agentic.E110"}
    assert found(**{key: {"part": "gateway.shop.catalog.ShopCatalog"}}) == {"agentic.E111"}
    assert "agentic.W110" in found(DEMO=False)


def test_the_demos_bank_is_for_the_demo(settings: Any) -> None:
    """Decision 4: everybody knows what the sandbox provider would say to it."""
    settings.SECRET_KEY = GOOD

    names = found(
        DEMO=False,
        PUBLIC_URL="https://shop.example",
        HASH_KEYS=[GOOD],
        PAYMENTS="gateway.sandbox.provider",
        RATE_STORE="redis://store",
        INTERVENTIONS={},
    )

    assert "agentic.E047" in names


def test_what_becomes_of_the_unauthenticated_is_decided() -> None:
    assert "agentic.E002" in found(UNAUTHENTICATED="perhaps")


def test_a_view_inside_atomic_requests_is_found() -> None:
    """Decision 6: every one of our routes is exempt, and one that is not is named."""
    from gateway.health import Healthz

    exposed = path("x", _exposed(Healthz))

    assert checks._is_ours(exposed.callback)
    assert not getattr(exposed.callback, "_non_atomic_requests", None)
    assert checks.atomic_requests(None) == []


@pytest.mark.django_db
def test_demo_agents_outside_the_demo_are_an_error() -> None:
    from django.conf import settings

    agents.load_demo()
    with override_settings(AGENTIC_GATEWAY={**settings.AGENTIC_GATEWAY, "DEMO": False}):
        assert {entry.id for entry in checks.database(None, databases=["default"])} == {"agentic.E013"}
    assert checks.database(None, databases=["default"]) == []


@pytest.mark.django_db
def test_demo_agents_are_found_under_other_hash_keys_until_they_are_revoked() -> None:
    """Decision 4: production hashes with keys of its own, so the demo's hashes are not looked for."""
    agents.load_demo()

    assert in_production(HASH_KEYS=[GOOD]) == {"agentic.E013"}
    for agent in Agent.objects.all():
        agents.revoke(agent)
    assert in_production(HASH_KEYS=[GOOD]) == set()


@pytest.mark.django_db
def test_the_demo_operator_outside_the_demo_is_an_error() -> None:
    """Decision 4: admin/admin is in the README."""
    operators.load_demo()

    assert in_production() == {"agentic.E014"}
    assert checks.database(None, databases=["default"]) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changed", [{"password": make_password("their own")}, {"is_active": False}, {"username": "ada"}]
)
def test_an_operator_who_changed_the_demos_password_or_cannot_enter_is_none_of_it(
    changed: dict[str, Any],
) -> None:
    operators.load_demo()
    get_user_model()._default_manager.update(**changed)

    assert in_production() == set()


@pytest.mark.django_db
def test_looking_for_the_demo_operator_does_not_rewrite_the_password(settings: Any) -> None:
    """A check reads; Django's own would store the password again under a newer algorithm."""
    operators.load_demo()
    before = get_user_model()._default_manager.get().password
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]

    assert in_production() == {"agentic.E014"}

    assert get_user_model()._default_manager.get().password == before


@pytest.mark.django_db
def test_ordinary_commands_hash_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes a tenth of a second; only the database checks outside the demo pay it."""
    asked: list[str] = []
    monkeypatch.setattr(operators, "has_demo", lambda: bool(asked.append("asked")))

    found(DEMO=False)
    checks.database(None, databases=["default"])
    assert asked == []

    in_production()
    assert asked == ["asked"]


@pytest.mark.parametrize(
    "where", [{"SECRET_KEY": DEMO_SECRET_KEY}, {"SECRET_KEY_FALLBACKS": [DEMO_SECRET_KEY]}]
)
def test_the_demos_secret_key_outside_the_demo_is_an_error(settings: Any, where: dict[str, Any]) -> None:
    """Decision 4: everybody can sign an operator's cookie with it."""
    settings.SECRET_KEY = GOOD
    assert "agentic.E015" not in found(DEMO=False)

    for name, value in where.items():
        setattr(settings, name, value)

    assert "agentic.E015" in found(DEMO=False)
    assert found() == set()


def test_hash_keys_are_not_in_the_repr(settings: Any) -> None:
    """Style anchors: secrets appear in no repr."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "HASH_KEYS": [GOOD]}

    assert conf().HASH_KEYS == (GOOD,)
    assert GOOD not in repr(conf())


def test_sqlite_must_begin_immediate(settings: Any) -> None:
    from django.db import connections

    if connections["default"].vendor != "sqlite":
        return
    options = connections["default"].settings_dict["OPTIONS"]
    kept = options.pop("transaction_mode")
    try:
        assert {entry.id for entry in checks.database(None, databases=["default"])} >= {"agentic.E012"}
    finally:
        options["transaction_mode"] = kept


def test_settings_are_read_late(settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "MERCHANT_NAME": "Somebody"}

    assert conf().MERCHANT_NAME == "Somebody"


def _exposed(view: Any) -> Any:
    def inner(request: Any) -> Any:
        return view.as_view()(request)

    inner.__module__ = "gateway.somewhere"
    return inner
