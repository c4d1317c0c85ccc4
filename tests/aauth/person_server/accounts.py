"""A person with an account, their own agent, and what it was granted, as tests want it: no consent page."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import override_settings
from django.utils import timezone

from checkout.models import CheckoutSession, Order, Payment
from gateway import bindings, plugs
from gateway.aauth import enrolment, issuers, jwk, signatures, tokens
from gateway.aauth.person_server import keys
from gateway.person_models import DirectedSubject, Grant, IssuedToken
from gateway.person_states import GrantState
from tests.aauth.agents import SignedAgent

PERSON_REQUIRED = "requirement=person-token"
US = "https://shop.example"
ACCOUNT = "/agentic/aauth/account"
DOCUMENT = f'<{US}/.well-known/aauth-resource.json>; rel="aauth-resource"'


class OwnAgent(SignedAgent):
    """An agent of somebody with an account here: its tokens say that we are its person server."""

    def __init__(self, name: str = "assistant", person_server: str = US, **options: Any) -> None:
        changed = {"PUBLIC_URL": US, "AAUTH_PERSON_SERVER": True, **options}
        super().__init__(name, person_server=person_server, **changed)

    def signed(self, *args: Any, authority: str = "shop.example", **options: Any) -> dict[str, str]:
        return super().signed(*args, authority=authority, **options)

    def by(self, token: str) -> str:
        """The Signature-Key of a request that brings this token instead of the agent's own."""
        return signatures.by_jwt(token)

    @property
    def by_its_name(self) -> str:
        """As agents signed before they had tokens: its provider signs as itself."""
        return f'(scheme=jwks_uri id="{self.provider.issuer}" kid="{self.provider.kid}")'

    @property
    def by_its_key(self) -> str:
        return signatures.by_key(signatures.public_jwk(self.key))


@contextmanager
def having_accounts(agent: OwnAgent) -> Iterator[OwnAgent]:
    """The shop is a person server, as long as this agent has something to do."""
    with agent, override_settings(ALLOWED_HOSTS=["testserver", "shop.example"]):
        issuers.forget()
        plugs.plug_in()
        yield agent
    issuers.forget()
    plugs.plug_in()


def asks(agent: OwnAgent, token: str = "", query: str = "", **options: Any) -> HttpResponse:
    """The account, asked for with this token, or with its agent token."""
    named = {"signature_key": agent.by(token)} if token else {}
    return agent.get(ACCOUNT + query, **{**named, **options})


def resource_text(answer: HttpResponse, header: str = "AAuth-Requirement") -> str:
    """The resource token of a challenge."""
    return answer.headers[header].partition('resource-token="')[2].partition('"')[0]


def resource_token(
    answer: HttpResponse, header: str = "AAuth-Requirement"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of the resource token of a challenge, which we have signed."""
    text = resource_text(answer, header)
    first, said, _ = text.split(".")
    told = [json.loads(base64.urlsafe_b64decode(part + "===")) for part in (first, said)]
    read = tokens.read(text, accept=(tokens.RESOURCE,), audience=US, lenient=True)
    tokens.verify(read, keys.jwks()["keys"][0])
    return told[0], told[1]


def someone(name: str = "ada", **columns: Any) -> str:
    """The id of a new account."""
    told = {"email": f"{name}@example.com", "first_name": name.title(), "last_name": "Byron", **columns}
    return str(get_user_model().objects.create_user(name, **told).pk)


def subject(person: str) -> str:
    """The name by which we know them, as a resource."""
    row, _ = DirectedSubject.objects.get_or_create(
        person=person, audience=US, defaults={"subject": uuid.uuid4().hex}
    )
    return row.subject


def claims(agent: SignedAgent, person: str, **changed: Any) -> dict[str, Any]:
    """Of a token that we give the agent for this person; one of None is left out."""
    now = int(time.time())
    told = {
        "iss": US,
        "dwk": "aauth-person.json",
        "aud": US,
        "sub": subject(person),
        "jti": uuid.uuid4().hex,
        "cnf": {"jwk": jwk.public_jwk(agent.key)},
        "iat": now,
        "exp": now + 3600,
        **changed,
    }
    return {name: value for name, value in told.items() if value is not None}


def on_record(agent: SignedAgent, person: str, said: dict[str, Any], typ: str) -> None:
    """The person has granted it, and we know that we gave this out."""
    enrolment.agent_of(agent.provider.issuer, agent.sub)
    bindings.bind(agent.owner, person)
    ends = timezone.now() + timedelta(hours=1)
    kind = Grant.PERSON_TOKEN if typ == tokens.PERSON else Grant.AUTH_TOKEN
    grant = Grant.objects.create(
        owner=agent.owner, person=person, kind=kind, audience=US, state=GrantState.GRANTED, expires_at=ends
    )
    IssuedToken.objects.create(
        jti=said["jti"],
        grant=grant,
        typ=typ,
        owner=agent.owner,
        person=person,
        audience=US,
        scope=said.get("scope", ""),
        expires_at=ends,
    )


def person_token(agent: SignedAgent, person: str, **changed: Any) -> str:
    said = claims(agent, person, **changed)
    on_record(agent, person, said, tokens.PERSON)
    return keys.sign(said, tokens.PERSON)


def auth_token(agent: SignedAgent, person: str, scope: str = "profile orders", **changed: Any) -> str:
    said = claims(agent, person, **{"ps": US, "scope": scope, **changed})
    on_record(agent, person, said, tokens.AUTH)
    return keys.sign(said, tokens.AUTH)


def ordered(owner: str, amount: int, minutes_ago: float = 0, count: int = 1) -> list[Order]:
    """Orders that were placed by that agent."""
    at = timezone.now() - timedelta(minutes=minutes_ago)
    sessions = CheckoutSession.objects.bulk_create(
        CheckoutSession(owner=owner, currency="usd", expires_at=at, created_at=at) for _ in range(count)
    )
    payments = Payment.objects.bulk_create(
        Payment(session=session, amount=amount, currency="usd", handler_id="x", state="captured")
        for session in sessions
    )
    return Order.objects.bulk_create(
        Order(
            session=session,
            payment=payment,
            owner=owner,
            amount=amount,
            currency="usd",
            quote={},
            created_at=at,
        )
        for session, payment in zip(sessions, payments, strict=True)
    )
