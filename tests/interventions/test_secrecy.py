"""A code is in the mail and nowhere else; a destination is in none of our tables (T19, R22)."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from interventions import effects
from interventions.channels.sms import NotSent
from interventions.models import Intervention, Policy
from interventions.ports import ports
from interventions.services import answer
from tests.interventions.conftest import World, other_than, row
from tests.operators import log_in, page

pytestmark = pytest.mark.django_db(transaction=True)

ADDRESS = "canary.person@example.com"

WHOLE_SECOND = datetime(2026, 5, 4, 12, tzinfo=UTC)
"""Microseconds are six digits too."""


def says(text: str, code: str) -> bool:
    """The code stands there by itself; six digits within a random id or hash are there by chance."""
    return re.search(rf"(?<![0-9a-fA-F]){code}(?![0-9a-fA-F])", text) is not None


def everything_stored() -> str:
    """Every value of every table of ours, as text."""
    return "\n".join(
        repr(values)
        for model in apps.get_app_config("agentic_interventions").get_models()
        for values in model.objects.values()
    )


@pytest.mark.requirement("ACP-022", "ACP-159")
def test_no_table_log_or_statement_holds_code_or_destination(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """T19, R22: at every step of a code's life."""
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    with time_machine.travel(WHOLE_SECOND, tick=False), CaptureQueriesContext(connection) as statements:
        world.ask(address=ADDRESS)
        seen.append(repr(world.queued) + everything_stored())
        (code,) = world.deliver()
        seen.append(everything_stored())
        wrong = other_than(code)
        seen.append(repr(answer("cs_1", "otp", wrong)) + everything_stored())
        seen.append(repr(answer("cs_1", "otp", code)) + everything_stored())
        seen += [repr(row()), repr(world.ask(address=ADDRESS)), repr(ports())]
    seen += [caplog.text]
    seen += [statement["sql"] for statement in statements.captured_queries]

    everything = "\n".join(seen)
    for secret in (ADDRESS, "canary.person"):
        assert secret not in everything
    for digits in (code, wrong):
        assert not says(everything, digits)
    assert says(str(mail.outbox[0].body), code), "the search would find it"
    assert "c***@example.com" in everything


PHONE = "+436641234567"


@pytest.mark.requirement("ACP-147", "ACP-159")
def test_no_table_log_or_statement_holds_a_texted_code_or_its_number(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The same for a code that goes by text, and for one that could not be sent."""
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []
    with time_machine.travel(WHOLE_SECOND, tick=False) as clock, CaptureQueriesContext(connection) as asked:
        world.ask(address="", phone=PHONE, channel="sms")
        seen.append(repr(world.queued) + everything_stored())
        (code,) = world.deliver()
        ((number, text, name),) = world.texts
        seen += [everything_stored(), name, repr(answer("cs_1", "otp", other_than(code)))]
        clock.shift(timedelta(seconds=30))
        world.again(channel="sms", destination=PHONE)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(world, "send", broken)
            with pytest.raises(NotSent) as failed:
                effects.EFFECTS[world.queued[0][0]](world.queued[0][1])
        seen += [repr(failed.value), str(failed.value.__cause__), everything_stored()]
        seen += [repr(row()), repr(world.people), repr(ports())]
    seen += [caplog.text]
    seen += [statement["sql"] for statement in asked.captured_queries]

    everything = "\n".join(seen)
    assert number == PHONE
    assert says(text, code), "the search would find it"
    assert not says(everything, code)
    for secret in (PHONE, "6641234567", "canary text"):
        assert secret not in everything
    assert "***67" in everything


def broken(to: str, text: str, *, id: str) -> None:
    raise ConnectionError(f"canary text: {to} {text}")


def test_a_contact_shows_no_address(world: World) -> None:
    """T19."""
    world.knows("cs_1", ADDRESS, PHONE)

    assert ADDRESS not in repr(world.people)
    assert PHONE not in repr(world.people)


@pytest.mark.requirement("ACP-159")
def test_a_stored_hash_is_keyed_and_salted(world: World) -> None:
    """Reliability-security 1.8: a million candidates do not help without the key."""
    first = world.code("cs_1")
    world.code("cs_2")
    one, two = row("cs_1"), row("cs_2")

    assert len(one.code_digest) == 64
    assert len(one.code_salt) == 32
    assert one.code_salt != two.code_salt
    assert one.destination_digest == two.destination_digest
    assert first not in one.code_digest


def test_the_operators_screens_show_neither_hash_nor_address(world: World) -> None:
    """T19: in a list, a search and a detail page."""
    code = world.code(address=ADDRESS)
    answer("cs_1", "otp", other_than(code))
    found = row()
    client = log_in()

    pages = [
        client.get("/admin/agentic_interventions/intervention/"),
        client.get("/admin/agentic_interventions/intervention/?q=cs_1"),
        client.get(page(found)),
    ]

    for shown in pages:
        assert shown.status_code == 200
        html = shown.content.decode()
        assert found.pk in html
        assert "c***@example.com" in html
        assert "1 of 5" in html
        for secret in (ADDRESS, found.code_digest, found.code_salt, found.destination_digest):
            assert secret not in html
        assert not says(html, code)


def test_operators_look_and_lift_caps_and_edit_nothing(world: World) -> None:
    """T15: with an entry in the log."""
    world.rules(attempts_per_destination=1)
    code = world.code()
    answer("cs_1", "otp", other_than(code))
    client, found = log_in(), row()
    address = page(found)

    assert client.post(address, {"state": "passed"}).status_code == 403
    assert client.get("/admin/agentic_interventions/intervention/add/").status_code == 403
    assert client.post(address.replace("change", "delete"), {"post": "yes"}).status_code == 403
    lifted = client.post(
        "/admin/agentic_interventions/intervention/",
        {"action": "clear_caps", "_selected_action": [found.pk]},
        follow=True,
    )

    assert "can be sent there" in lifted.content.decode()
    assert "Limits of the destination cleared" in str(
        client.get(address.replace("change", "history")).content
    )
    assert answer("cs_1", "otp", code).outcome == "right"


def test_a_policy_is_edited_with_what_can_be_run(world: World) -> None:
    """ACP-126: a type without a working provider cannot be asked for."""
    client = log_in()
    form: dict[str, Any] = {"name": "shoes", "active": "on", "item_tag": "shoes", "minimum_amount": "0"}
    add = "/admin/agentic_interventions/policy/add/"

    refused = client.post(add, {**form, "kinds": ["otp", "biometric"], "enforcement": "always"})
    assert "Nothing here can run biometric" in refused.content.decode()
    assert not Policy.objects.exists()

    kept = client.post(add, {**form, "kinds": ["otp"], "enforcement": "always"})
    assert kept.status_code == 302, kept.content.decode()[:2_000]
    assert Policy.objects.get().kinds == ["otp"]
    shown = client.get(page(Policy.objects.get()))
    assert "This installation can run: otp" in shown.content.decode()
    assert 'value="otp"' in shown.content.decode()


def test_the_sweep_is_an_effect_of_its_own(world: World) -> None:
    world.ask()
    Intervention.objects.update(
        expires_at=timezone.now() - timedelta(1), challenge_expires_at=timezone.now() - timedelta(1)
    )

    effects.sweep()

    assert row().state == "expired"


def test_an_id_that_looks_escaped_opens_its_own_page(world: World) -> None:
    """The admin reads `_26` in an address as an ampersand; the list links past that."""
    world.ask()
    row().moves.all().delete()
    Intervention.objects.update(id="int_26" + "a" * 30)
    client, found = log_in(), row()
    listed = client.get("/admin/agentic_interventions/intervention/").content.decode()

    (address,) = set(re.findall(r'href="([^"?]*/int_[^"?]*/change/)', listed))

    assert found.pk in client.get(address).content.decode()
