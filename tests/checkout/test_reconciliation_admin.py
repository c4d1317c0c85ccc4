"""The operator's screens of reconciliation: a list to work off (T95, pages.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from checkout.errors import ProviderUnavailable
from checkout.models import Break, Payment, ReconciliationRun, SandboxCharge, StateMove
from checkout.payments.sandbox import SandboxProvider
from tests.agents import PlayedAgent
from tests.checkout.reconciling import (
    Books,
    bought,
    charge_of,
    compare,
    declined_with_money,
    entry,
    later,
    spoil,
)
from tests.operators import act, listing, log_in, open_shop, page
from tests.parts import plugged

HOSTILE = "<script>alert(1)</script>\u202e"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;\\u202e"


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


@pytest.fixture
def books() -> Iterator[Books]:
    part = Books()
    with plugged(payments=part):
        yield part


@pytest.fixture
def found(agent: PlayedAgent, books: Books) -> Break:
    """Captured here, not there."""
    spoil(bought(agent), captured=0)
    with later():
        compare()
    return Break.objects.get()


def held(agent: PlayedAgent) -> Break:
    """Money without an order, found by a run that only looked."""
    declined_with_money(agent)
    with later():
        compare(heal=False)
    return Break.objects.get()


def test_the_list_is_what_is_open_oldest_first(operator: Client, agent: PlayedAgent, books: Books) -> None:
    first, second, third = (bought(agent) for _ in range(3))
    with later():
        for order in (second, first, third):
            spoil(order, captured=0)
            compare()
        spoil(third, captured=third.amount)
        compare()

    shown = operator.get(listing(Break))
    gone = operator.get(listing(Break), {"state": "gone"}).context["cl"].result_list
    every = operator.get(listing(Break), {"state": "all"}).context["cl"].result_list

    assert [row.order for row in shown.context["cl"].result_list] == [second.pk, first.pk]
    assert "captured here, not there" in shown.text
    assert [row.order for row in gone] == [third.pk]
    assert len(every) == 3


def test_empty_lists_say_what_would_be_here(operator: Client) -> None:
    assert "Differences between the payment provider" in operator.get(listing(Break)).text
    assert "One begins every day" in operator.get(listing(ReconciliationRun)).text


def test_a_break_shows_both_sides_and_what_to_do(operator: Client, found: Break) -> None:
    payment = Payment.objects.get(pk=found.payment)

    text = operator.get(page(found)).text

    assert "captured 35.03 USD" in text or f"captured {payment.amount / 100:.2f} USD" in text
    assert f"authorized {payment.amount / 100:.2f} USD" in text
    assert "Capture it in the provider&#x27;s dashboard" in text
    for row in (payment, payment.session, payment.order):
        assert page(row) in text
    assert "new → open" in text
    assert page(found) in operator.get(listing(StateMove), {"q": found.pk}).text


def test_breaks_are_found_by_whole_values(operator: Client, found: Break, books: Books) -> None:
    books.added = [entry("ch_other")]
    with later():
        compare()

    for term in (found.pk, found.payment, found.order, found.session, found.reference):
        rows = operator.get(listing(Break), {"q": term}).context["cl"].result_list
        assert [row.pk for row in rows] == [found.pk], term
    rows = operator.get(listing(Break), {"kind__exact": "charged_without_attempt"}).context["cl"].result_list
    assert [row.subject for row in rows] == ["ch_other"]
    assert operator.get(listing(Break), {"reason__startswith": "a"}).status_code == 400


def test_a_list_costs_the_same_with_more_rows(operator: Client, found: Break, books: Books) -> None:
    operator.get(listing(Break))
    with CaptureQueriesContext(connection) as few:
        operator.get(listing(Break))
    books.added = [entry(f"ch_{number}") for number in range(5)]
    with later():
        compare()

    with CaptureQueriesContext(connection) as many:
        operator.get(listing(Break))

    assert Break.objects.count() == 6
    assert len(many) == len(few)


def test_what_others_wrote_is_text(operator: Client, agent: PlayedAgent, books: Books) -> None:
    """T51, T52: a reference is the provider's, a currency too."""
    books.added = [entry(HOSTILE, currency="<b>")]
    with later():
        run = compare()

    for address in (page(Break.objects.get()), listing(Break), page(run)):
        text = operator.get(address).text
        assert "<script>alert" not in text
        assert "\u202e" not in text
        assert "<b>" not in text.replace("<b>What", "")
    assert SHOWN in operator.get(page(Break.objects.get())).text


# --- Acting -----------------------------------------------------------------------------------


@pytest.mark.requirement("T95")
def test_closing_asks_first_and_needs_a_reason(operator: Client, found: Break) -> None:
    asked = act(operator, found, "close", reason=None, back="1")
    without = act(operator, found, "close", reason=" ")
    found.refresh_from_db()
    before = found.state

    done = act(operator, found, "close", reason="agreed with the buyer", back="1")

    assert "no money moves" in asked.text
    assert "This field is required." in without.text
    assert before == "open"
    found.refresh_from_db()
    assert (found.state, found.resolved_by, found.reason) == (
        "closed",
        "operator:olga",
        "agreed with the buyer",
    )
    assert LogEntry.objects.get().change_message == "The break is closed: agreed with the buyer"
    assert "open → closed" in done.text
    assert 'value="close"' not in done.text
    assert SandboxCharge.objects.get().captured == 0


@pytest.mark.requirement("T95")
def test_settling_now_gives_the_money_back(operator: Client, agent: PlayedAgent, books: Books) -> None:
    row = held(agent)
    charged = books.charges

    asked = act(operator, row, "settle_now", reason=None)
    kept = SandboxCharge.objects.get().outcome
    done = act(operator, row, "settle_now", reason="buyer called", back="1")

    row.refresh_from_db()
    assert "Nothing is charged." in asked.text
    assert kept == "authorized"
    assert (row.state, row.resolved_by) == ("healed", "system")
    assert SandboxCharge.objects.get().outcome == "voided"
    assert LogEntry.objects.get().change_message == "Asked the provider: buyer called. It is put right."
    assert "It is put right." in done.text
    assert books.charges == charged


def test_settling_what_only_a_person_can_mend_says_so(operator: Client, found: Break) -> None:
    done = act(operator, found, "settle_now")

    found.refresh_from_db()
    assert found.state == "open"
    assert "It is still there. Capture it in the provider" in done.text


def test_settling_what_is_mended_closes_it(operator: Client, found: Break) -> None:
    charge = charge_of(Payment.objects.get(pk=found.payment).order)
    charge.captured = charge.amount
    charge.save()

    done = act(operator, found, "settle_now")

    found.refresh_from_db()
    assert found.state == "gone"
    assert "It is gone." in done.text


def test_a_silent_provider_is_told(
    operator: Client, found: Break, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.unreadable_after = 0

    done = act(operator, found, "settle_now")

    found.refresh_from_db()
    assert found.state == "open"
    assert ProviderUnavailable.message in done.text


def test_a_provider_that_lost_its_ledger_is_told(operator: Client, found: Break) -> None:
    class Closed(SandboxProvider):
        entries = None  # type: ignore[assignment]

    with plugged(payments=Closed()):
        done = act(operator, found, "settle_now")

    found.refresh_from_db()
    assert found.state == "open"
    assert "keeps no ledger" in done.text


@pytest.mark.requirement("T95")
@pytest.mark.parametrize(("permission", "acts"), [("view", False), ("change", True)])
@pytest.mark.parametrize("action", ["settle_now", "close"])
def test_looking_and_acting_are_two_permissions(
    agent: PlayedAgent, books: Books, permission: str, acts: bool, action: str
) -> None:
    row = held(agent)
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename=f"{permission}_break"))
    client = Client()
    client.force_login(clerk)

    opened = client.get(page(row))
    act(client, row, action)

    row.refresh_from_db()
    assert opened.status_code == 200
    assert (f'value="{action}"' in opened.text) is acts
    assert (row.state != "open") is acts
    assert (SandboxCharge.objects.get().outcome == "voided") is (acts and action == "settle_now")


@pytest.mark.requirement("T95")
@pytest.mark.parametrize("model", [Break, ReconciliationRun])
def test_nothing_can_be_edited(operator: Client, found: Break, model: Any) -> None:
    row = model.objects.first()
    before = model.objects.filter(pk=row.pk).values().get()

    added = operator.post(listing(model) + "add/", {})
    deleted = operator.post(page(row).replace("/change/", "/delete/"), {"post": "yes"})
    changed = operator.post(page(row), {"state": "closed", "reason": "x"})

    assert [added.status_code, deleted.status_code, changed.status_code] == [403, 403, 403]
    assert model.objects.filter(pk=row.pk).values().get() == before


def test_a_run_shows_its_report(operator: Client, found: Break) -> None:
    run = ReconciliationRun.objects.get()

    listed = operator.get(listing(ReconciliationRun))
    opened = operator.get(page(run))

    assert page(run) in listed.text
    assert "1 entries of the provider, 1 paid attempts of ours" in opened.text
    assert found.pk in opened.text
