"""People with an account, signed in, and agents of theirs that want something of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from gateway import bindings, summonses
from gateway.models import Agent
from gateway.person_models import Grant, Summons
from gateway.person_states import GrantState
from interventions import reaching
from tests.people import Person

ISSUER = "https://agents.example"
HOME = "/agentic/account/"
AGENTS, DEVICES, HISTORY, NEWS = (HOME + name for name in ("agents", "devices", "history", "news"))
FOREIGN = "https://pay.example/orders/7"


class Shopper(Person):
    """Somebody with an account, in a browser of theirs."""

    def __init__(self, name: str = "alex") -> None:
        super().__init__()
        self.user = User.objects.create_user(name, f"{name}@example.com", "their-password", first_name=name)
        self.id = str(self.user.pk)
        self.http.force_login(self.user)

    def poll(self, known: str = "", **headers: str) -> Any:
        """What `banner.js` sends."""
        said = {"Origin": "http://localhost:8000", "Host": "localhost:8000", "X-Known": known, **headers}
        return self.http.post(NEWS, headers=said)


def agent(identity: str = "aauth:shopper@agents.example", name: str = "Shopper") -> Agent:
    """One that an issuer vouches for."""
    row, _ = Agent.objects.get_or_create(issuer=ISSUER, identity=identity, defaults={"name": name})
    return row


def summoned(shopper: Shopper, **wanted: Any) -> Summons:
    """Their agent wants them somewhere, or asks them something; they were at a page of ours."""
    who: Agent = wanted.pop("agent", None) or agent()
    bindings.bind(who.owner, shopper.id)
    reaching.seen(shopper.id, "a browser of theirs " + shopper.id)
    given = {"kind": Summons.INTERACTION, "wording": "draft-11", **wanted}
    if given["kind"] != Summons.QUESTION and "pending" not in given:
        given = {"url": FOREIGN, "code": "ABCD2345", **given}
    row = summonses.ask(summonses.Wanted(owner=who.owner, person=shopper.id, **given))
    assert row.state == "waiting", row.state
    return row


def granted(shopper: Shopper, *, state: str = GrantState.GRANTED, **columns: Any) -> Grant:
    """What an agent of theirs was granted, or asks for."""
    who: Agent = columns.pop("agent", None) or agent()
    bindings.bind(who.owner, shopper.id)
    now = timezone.now()
    return Grant.objects.create(
        owner=who.owner,
        person=shopper.id,
        state=state,
        expires_at=now + timedelta(minutes=10),
        decided_at=None if state == GrantState.ASKED else now,
        **{"kind": Grant.AUTH_TOKEN, "audience": "https://books.example", "scope": "orders", **columns},
    )


def address(row: Summons) -> str:
    return f"{HOME}requests/{row.pk}"
