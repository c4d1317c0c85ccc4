"""Prepared statements find and write what the ORM would."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from checkout.models import CheckoutSession, Order, Payment, StateMove
from gateway.models import Agent, AgentKey, IdempotentRequest
from interventions.prepared import Listing, Lookup, change, insert

CONTENT = {"lines": [{"id": "li_1", "ünï": None}], "quote": {"total": 12, "deep": [{"x": 1.5}]}}


def a_session(owner: str = "key:a", **columns: Any) -> CheckoutSession:
    return CheckoutSession(
        owner=owner, currency="usd", expires_at=timezone.now() + timedelta(hours=1), **CONTENT, **columns
    )


def everything(row: Any) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.mark.django_db
def test_a_row_goes_in_and_comes_out_as_the_orm_would_have_it() -> None:
    """Every kind of column: texts, JSON, empty JSON, big integers, times."""
    session = a_session(buyer=None, total=10**12)

    assert insert([session]) == 1

    stored = CheckoutSession.objects.get()
    assert everything(stored) == everything(session)
    found = Lookup(CheckoutSession, lambda place: CheckoutSession.objects.filter(pk=place("id"))).one(
        id=session.pk
    )
    assert found is not None
    assert everything(found) == everything(stored)
    assert found == stored
    assert not found._state.adding
    found.refresh_from_db()


@pytest.mark.django_db
def test_a_look_up_finds_nothing_and_takes_other_values() -> None:
    by_owner = Lookup(CheckoutSession, lambda place: CheckoutSession.objects.filter(owner=place("owner")))
    insert([a_session("key:a"), a_session("key:a"), a_session("key:b")])

    assert len(by_owner(owner="key:a")) == 2
    assert len(by_owner(owner="key:b")) == 1
    assert by_owner(owner="' OR 1=1 --") == []
    assert by_owner.one(owner="%s") is None


@pytest.mark.django_db
def test_values_are_named_not_counted() -> None:
    """The ORM orders its parameters as it likes."""
    row = IdempotentRequest(owner="o", method="m", path="p", key="k", fingerprint="f", state="done")
    insert([row])
    by_slot = Lookup(
        IdempotentRequest,
        lambda place: IdempotentRequest.objects.filter(
            key=place("key"), owner=place("owner"), path=place("path"), method=place("method")
        ),
    )

    assert by_slot.one(method="m", path="p", owner="o", key="k") is not None
    assert by_slot.one(method="p", path="m", owner="o", key="k") is None
    with pytest.raises(KeyError):
        by_slot.one(owner="o")


@pytest.mark.django_db
def test_lists_of_any_length() -> None:
    agent = Agent.objects.create(name="A")
    insert([AgentKey(agent=agent, digest=f"d{number}") for number in range(5)])
    by_digest = Lookup(AgentKey, lambda place: AgentKey.objects.filter(digest__in=place.many()))

    for size in (1, 2, 5):
        assert len(by_digest(many=[f"d{number}" for number in range(size)])) == size


@pytest.mark.django_db
def test_related_rows_come_along(django_assert_num_queries: Any) -> None:
    """Forwards, and backwards where there may be none."""
    with_order, without = a_session(state="completed"), a_session()
    payment = Payment(
        session=with_order, amount=1, currency="usd", handler_id="h", claim="c", state="captured"
    )
    insert([with_order, without])
    insert([payment])
    insert([Order(session=with_order, payment=payment, owner="o", amount=1, currency="usd", quote={})])
    by_id = Lookup(
        CheckoutSession,
        lambda place: CheckoutSession.objects.select_related("order").filter(pk=place("id")),
    )

    with django_assert_num_queries(2):
        found, other = by_id.one(id=with_order.pk), by_id.one(id=without.pk)
        assert found is not None
        assert found.order.amount == 1
        assert other is not None
        assert not hasattr(other, "order")


@pytest.mark.django_db
def test_what_is_there_already_is_left_out_without_an_error() -> None:
    """The transaction stays usable, on every database."""
    rows = [
        IdempotentRequest(owner="o", method="m", path="p", key=key, fingerprint="f", state="done")
        for key in "ab"
    ]

    with transaction.atomic():
        assert insert(rows[:1], unless_there=True) == 1
        assert insert(rows, unless_there=True) == 1
        assert insert(rows, unless_there=True) == 0
        assert IdempotentRequest.objects.count() == 2


@pytest.mark.django_db
def test_keys_of_the_database_are_made_by_it() -> None:
    insert([StateMove(subject="s", to_state="open", actor="a") for _ in range(3)])

    assert len(set(StateMove.objects.values_list("pk", flat=True))) == 3


@pytest.mark.django_db(transaction=True)
def test_a_locking_look_up_needs_a_transaction() -> None:
    insert([a_session()])
    locked = Lookup(CheckoutSession, lambda place: CheckoutSession.objects.select_for_update(), locks=True)

    with transaction.atomic():
        assert locked.one() is not None
    with pytest.raises(TransactionManagementError):
        locked.one()


@pytest.mark.django_db
def test_a_change_is_made_where_its_conditions_hold() -> None:
    """Equality, times, JSON and null as values; the number of rows decides who was first."""
    session, other = a_session(buyer={"email": "a"}), a_session()
    insert([session, other])
    now = timezone.now()
    where = {"pk": session.pk, "state": "open"}

    assert change(CheckoutSession, {**where, "expires_at__lte": now}, {"state": "expired"}) == 0
    assert (
        change(CheckoutSession, {**where, "expires_at__gt": now}, {"state": "canceled", "buyer": None}) == 1
    )
    assert change(CheckoutSession, where, {"quote": {}}) == 0

    session.refresh_from_db()
    other.refresh_from_db()
    assert (session.state, session.buyer, session.quote) == ("canceled", None, CONTENT["quote"])
    assert other.state == "open"


@pytest.mark.django_db
def test_a_listing_is_what_the_orm_lists() -> None:
    """Rows of a union, with a moment that is compared and one that comes out; other values find others."""
    now = timezone.now().replace(microsecond=123456)
    insert([a_session("key:a"), a_session("key:a"), a_session("key:b")])

    def build(owner: Any, moment: Any) -> Any:
        rows = CheckoutSession.objects.filter(owner=owner, expires_at__gt=moment).order_by()
        more = CheckoutSession.objects.filter(owner="key:b", expires_at__gt=moment).order_by()
        columns = ("owner", "expires_at", "id")
        return rows.values_list(*columns).union(more.values_list(*columns), all=True).order_by("id")

    listed = Listing(CheckoutSession, lambda place: build(place("owner"), place.moment("now")))

    for owner in ("key:a", "key:b", "%s"):
        for moment in (now, now + timedelta(hours=2)):
            assert [tuple(row) for row in listed(owner=owner, now=moment)] == list(build(owner, moment))
    assert len(listed(owner="key:a", now=now)) == 3
    assert listed(owner="key:a", now=now + timedelta(hours=2)) == []
    with pytest.raises(KeyError):
        listed(owner="key:a")
