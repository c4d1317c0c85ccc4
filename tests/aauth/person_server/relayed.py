"""A person with an account, their agent, and the merchant as their person server, as the tests of the relay
play them: who signed is said, and believed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.utils import timezone

from gateway import authentication, bindings
from gateway.aauth.person_server import relay_views
from gateway.identities import Identity
from gateway.person_models import Summons
from gateway.person_states import SummonsState
from interventions import reaching
from interventions.reach_models import ReachChannel
from tests.aauth.waiting import played
from tests.aauth.waiting.played import ISSUER, NamedAgent

PATH = "/agentic/aauth/person/interaction"
URL, CODE = "https://bank.example/aauth/i/7", "ABCD-1234"
US = "http://localhost:8000"
SERVER = "X-Played-Server"


class Believing(played.Believing):
    def identify(self, request: HttpRequest, *, cap: int) -> Identity:
        identity = super().identify(request, cap=cap)
        told = request.headers.get(SERVER, US)
        object.__setattr__(identity, "person_server", told)
        return identity


@contextmanager
def speaking(**changed: Any) -> Iterator[None]:
    """The merchant speaks for people, with these settings."""
    from django.conf import settings

    before = authentication._signatures
    on = {**settings.AGENTIC_GATEWAY, "AAUTH": True, "AAUTH_PERSON_SERVER": True, **changed}
    # What is believed was not signed, so nothing can be covered; that is tested with real signatures.
    uncovered = patch.object(relay_views, "_covered")
    with override_settings(AGENTIC_GATEWAY=on), uncovered:
        authentication.plug(Believing())
        yield
    authentication.plug(before)


class Asker(NamedAgent):
    """An agent that asks for its person."""

    def ask(self, *, server: str = US, **members: Any) -> HttpResponse:
        body = {"type": "interaction", "url": URL, "code": CODE, **members}
        return self.send(
            "POST", PATH, {name: told for name, told in body.items() if told is not None}, **{SERVER: server}
        )

    def question(self, text: str = "Which size do you wear?", **members: Any) -> HttpResponse:
        return self.ask(type="question", url=None, code=None, question=text, **members)


def account(name: str = "ada") -> str:
    """Somebody with an account; its id."""
    user: Any = get_user_model()
    return str(user.objects.create_user(name, email=f"{name}@example.com").pk)


def theirs(person: str, name: str = "shopper") -> Asker:
    """An agent that acts for the person."""
    agent = Asker(name)
    bindings.bind(f"aauth:{ISSUER}|aauth:{name}@agents.example", person)
    return agent


def present(person: str, browser: str = "the browser of a person") -> None:
    """A page of ours is open before them."""
    reaching.seen(person, browser)


def away(person: str) -> None:
    """No page is open before them any more."""
    long_ago = timezone.now() - timedelta(minutes=10)
    ReachChannel.objects.filter(person=person, kind=ReachChannel.WEB_SESSION).update(seen_at=long_ago)


def over(row: Summons) -> None:
    """Its time has passed."""
    Summons.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def only() -> Summons:
    return Summons.objects.get()


def states() -> list[str]:
    return sorted(SummonsState(state).value for state in Summons.objects.values_list("state", flat=True))


def problem(response: HttpResponse) -> tuple[int, str]:
    return played.problem(response)
