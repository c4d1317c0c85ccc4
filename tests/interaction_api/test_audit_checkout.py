"""A completed purchase seals the trail so far, and the visit goes on (AJ-098)."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout.models import Order
from gateway.interaction_api import audit
from gateway.interaction_api import audit_verification as verification
from gateway.models import AgentSession, AuditSeal, AuditTrail
from tests.agents import PlayedAgent
from tests.interaction_api.trails import call, ended, shopped, visit
from tests.operators import open_shop
from tests.orders.conftest import buy

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("audit_keys_file"),
    pytest.mark.requirement("AJ-098"),
]


@pytest.fixture
def agent() -> PlayedAgent:
    return open_shop()


def bought(session: AgentSession, agent: PlayedAgent) -> None:
    """Somebody paid for what was put together in this visit."""
    buy(agent)
    Order.objects.exclude(owner__startswith="session:").update(owner=session.owner)


def valid(session: AgentSession) -> bool:
    trail = AuditTrail.objects.get(pk=session.pk)
    keys = [key.public_key for key in audit.public_keys()]
    return verification.flaw_of_trail(trail, keys) is None


def test_the_trail_up_to_the_purchase_can_be_had_while_the_visit_goes_on(agent: PlayedAgent) -> None:
    session = visit()
    shopped(session)
    with pytest.raises(audit.StillOpen):
        audit.document(session)

    bought(session, agent)
    first = audit.document(session)
    call(session, "cart.view", params={})

    assert first["sealed_because"] == "checkout"
    assert len(first["events"]) == 3
    assert audit.document(session) == first
    ended(session)
    last = audit.document(session)
    assert (last["sealed_because"], len(last["events"])) == ("agent", 4)
    assert last["events"][:3] == first["events"]
    assert valid(session)


def test_the_sweep_seals_each_purchase_once(agent: PlayedAgent) -> None:
    session, other = visit(), visit("tok_2")
    shopped(session)
    call(other)

    bought(session, agent)
    assert [audit.seal_due(), audit.seal_due()] == [1, 0]
    call(session)
    bought(session, agent)
    assert [audit.seal_due(), audit.seal_due()] == [1, 0]

    seals = AuditSeal.objects.order_by("sealed_at").values_list("trail", "events", "orders", "final")
    assert list(seals) == [(session.pk, 3, 1, False), (session.pk, 4, 2, False)]
    assert valid(session)


def test_of_a_key_that_is_away_nothing_is_lost(agent: PlayedAgent, audit_keys_file: Path) -> None:
    session = visit()
    away = audit_keys_file.rename(audit_keys_file.with_name("away.json"))
    bought(session, agent)
    assert audit.seal_due() == 0

    away.rename(audit_keys_file)

    assert audit.seal_due() == 1
