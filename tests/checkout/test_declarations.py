"""Declarations of payment handlers: ACP-174 to ACP-179, ACP-182."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from checkout.payments.declarations import CARD, problems
from checkout.payments.sandbox import HANDLERS, SandboxProvider
from tests.parts import plugged

GOOD = HANDLERS[0]


def with_config(**changed: Any) -> dict[str, Any]:
    return {"config": {**GOOD.config, **changed}}


@pytest.mark.requirement("ACP-174", "ACP-182")
def test_the_sandbox_declares_itself_well() -> None:
    assert GOOD.name == CARD
    assert problems(HANDLERS) == []


@pytest.mark.requirement("ACP-174", "ACP-175", "ACP-176", "ACP-179", "ACP-182")
@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"id": ""}, "id"),
        ({"id": "a" * 65}, "id"),
        ({"id": "card one"}, "id"),
        ({"name": "card"}, "name"),
        ({"name": "Com.Example"}, "name"),
        ({"version": "2026-04"}, "version"),
        ({"version": "2026-02-30"}, "version"),
        ({"spec": "/handlers/card"}, "spec"),
        ({"config_schema": ""}, "config_schema"),
        ({"instrument_schemas": ()}, "instrument_schemas"),
        ({"instrument_schemas": ("https://shop.example/a.json", "b.json")}, "instrument_schemas"),
        ({"credential_types": ("spt", "agentic_token")}, "credential_types"),
        ({"credential_types": (), "requires_delegate_payment": False}, "credential_types"),
        ({"needs": frozenset({"telepathy"})}, "needs"),
        ({"psp": "elsewhere"}, "config.psp"),
        ({"psp": "", **with_config(psp="")}, "config.psp"),
        (with_config(merchant_id=""), "merchant_id"),
        (with_config(merchant_id="m" * 257), "merchant_id"),
        (with_config(merchant_id=7), "merchant_id"),
        (with_config(accepted_brands=None), "accepted_brands"),
        (with_config(accepted_brands=[]), "accepted_brands"),
        (with_config(accepted_brands=["visa", "amex!"]), "accepted_brands"),
        (with_config(accepted_funding_types="credit"), "accepted_funding_types"),
        (with_config(supports_3ds="no"), "supports_3ds"),
        ({"config": {**GOOD.config, "3ds_versions": ["2.1.0"]}}, "3ds_versions"),
        (with_config(environment="test"), "environment"),
    ],
)
def test_each_mistake_is_named(changed: dict[str, Any], named: str) -> None:
    found = problems([replace(GOOD, **changed)])

    assert len(found) == 1
    assert named in found[0]


@pytest.mark.requirement("ACP-175")
def test_two_handlers_do_not_share_an_id() -> None:
    assert problems([GOOD, replace(GOOD, display_name="Another")]) == ["The id sandbox_card is not unique."]


@pytest.mark.requirement("ACP-185")
def test_no_handler_at_all_is_a_mistake() -> None:
    assert problems([]) == ["There is no handler: no session could be paid."]


def test_a_handler_of_another_kind_needs_no_brands() -> None:
    other = replace(GOOD, name="com.example.wallet", config={"merchant_id": "m", "psp": GOOD.psp})

    assert problems([other]) == []


@pytest.mark.django_db
def test_the_system_check_names_the_mistake(django_db_blocker: Any) -> None:
    """`manage.py check --database`: where it is looked at before anybody is served."""
    from gateway.shop import demo

    class Careless(SandboxProvider):
        def handlers(self, *, currency: str) -> Any:
            return (replace(GOOD, psp="elsewhere"),)

    demo.load()

    call_command("check", tags=["database"], databases=["default"])
    with plugged(payments=Careless()), pytest.raises(SystemCheckError, match=r"E020.*config\.psp"):
        call_command("check", tags=["database"], databases=["default"])
