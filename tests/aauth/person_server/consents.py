"""An agent of this server's that asks for a token, and people with accounts who decide about it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse

from gateway import agents, bindings
from gateway.aauth import codes
from gateway.aauth.person_server import asking
from gateway.grants import Wanted
from gateway.identities import Identity
from gateway.pending_models import PendingRequest
from gateway.person_models import Grant
from interventions import question_rules
from tests.aauth import agents as signers
from tests.aauth.persons import Arriving, shopping
from tests.people import form, heading

PUBLIC_URL = "http://localhost:8000"
RESOURCE = "https://calendar.example"
QUESTION = "Why does your person need this?"


class Asker:
    """An agent whose person server is this one."""

    def __init__(self, signer: signers.SignedAgent) -> None:
        self.signer = signer
        self.answer: HttpResponse | None = None
        self.sent = 0
        signer.get("/agentic/aauth/pending/nothing")  # it is known from its first request on

    @property
    def owner(self) -> str:
        return self.signer.owner

    @property
    def identity(self) -> Identity:
        row = agents.of_owner(self.owner)
        assert row is not None
        return Identity(row, self.signer.provider.issuer, self.signer.sub, self.signer.thumbprint)

    def wanted(self, **changed: Any) -> Wanted:
        known = Wanted(
            owner=self.owner,
            kind=Grant.AUTH_TOKEN,
            audience=RESOURCE,
            scope="calendar.read",
            justification="To find a free evening.",
            key={"kty": "OKP", "x": self.signer.thumbprint},
            presented={"jti": "presented"},
            request_id="resource-token",
        )
        return replace(known, **changed)

    def ask(self, *capabilities: str, **changed: Any) -> PendingRequest:
        """What `asking.begin` answers, and the call that waits."""
        can = capabilities or ("interaction", "clarification")
        self.answer = asking.begin(self.identity, self.wanted(**changed), capabilities=can)
        token = urlsplit(self.answer.headers["Location"]).path.rsplit("/", 1)[1]
        found = codes.read_token(token)
        assert found is not None
        return PendingRequest.objects.get(pk=found)

    def poll(self, pending: PendingRequest) -> HttpResponse:
        PendingRequest.objects.filter(pk=pending.pk).update(last_polled_at=None)  # nobody hurries in a test
        return self.signer.get(urlsplit(codes.pending_url(pending)).path)

    def post(self, pending: PendingRequest, body: Mapping[str, Any]) -> HttpResponse:
        self.sent += 1  # two requests of one second would be one signature
        path, at = urlsplit(codes.pending_url(pending)).path, int(time.time()) - self.sent
        return self.signer.send("POST", path, dict(body), created=at)

    def withdraw(self, pending: PendingRequest) -> HttpResponse:
        return self.signer.send("DELETE", urlsplit(codes.pending_url(pending)).path)


class Account(Arriving):
    """Somebody with an account, whose browser came by the agent's code."""

    def __init__(self, pending: PendingRequest, name: str = "", *, signed_in: bool = True) -> None:
        super().__init__(pending)
        self.id = ""
        if name:
            user, _ = get_user_model().objects.get_or_create(username=name)
            self.id = str(user.pk)
        if name and signed_in:
            self.sign_in(name)

    def sign_in(self, name: str) -> None:
        user, _ = get_user_model().objects.get_or_create(username=name)
        self.id = str(user.pk)
        self.http.force_login(user)

    def consent_page(self) -> HttpResponse:
        """As far as the question."""
        return self.open(self.go_on().headers["Location"])

    def decides(self, answer: str = "allow") -> HttpResponse:
        return self.press(self.consent_page(), answer)


def made(grant: Grant) -> dict[str, Any]:
    """Stands in for whoever signs tokens."""
    return {"auth_token": f"token for {grant.pk}", "expires_in": 3600}


@contextmanager
def serving(**settings: Any) -> Iterator[Asker]:
    """We are the person server of one agent, as long as that is."""
    with shopping(AAUTH_PERSON_SERVER=True, **settings) as signer:
        asking.plug(finish=made)
        question_rules.forget()
        try:
            yield Asker(signer)
        finally:
            asking.plug(finish=None)  # what starts up comes after us
            question_rules.forget()


@pytest.fixture
def asker(db: None) -> Iterator[Asker]:
    with serving() as found:
        yield found


def bound(asker: Asker, name: str) -> str:
    """The agent acts for that account already."""
    user, _ = get_user_model().objects.get_or_create(username=name)
    bindings.bind(asker.owner, str(user.pk))
    return str(user.pk)


def problem(answer: HttpResponse) -> tuple[int, str]:
    return answer.status_code, json.loads(answer.content)["error"]


__all__ = ["Account", "Asker", "asker", "bound", "form", "heading", "problem", "serving"]
