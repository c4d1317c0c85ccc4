"""An agent at its person's server, and a resource of somebody else's, as the tests of tokens play them."""

from __future__ import annotations

import json
import time
import uuid
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.utils import timezone

from gateway import bindings
from gateway.aauth import issuers, signatures, vouching
from gateway.aauth.person_server import issuing, keys
from gateway.grants import Wanted
from gateway.person_models import Grant, IssuedToken
from tests.aauth.agents import Provider, SignedAgent

US = "http://localhost:8000"
PERSON = "/agentic/aauth/person/person-token"
AUTH = "/agentic/aauth/person/auth-token"
OLDER = "/agentic/aauth/person/token"
REVOKE = "/agentic/aauth/revoke"
ELSEWHERE = "https://resource.example"
SCOPE = "data.read data.write"


class Desk:
    """The agent, its person if it has one, the resource, and what people would have been asked (`asked`)."""

    def __init__(self, agent: SignedAgent, resource: Provider) -> None:
        self.agent = agent
        self.resource = resource
        self.asked: list[tuple[Wanted, Any]] = []
        self.person = ""

    def begin(self, identity: Any, wanted: Wanted, *, capabilities: Any) -> HttpResponse:
        """In place of whoever asks people."""
        self.asked.append((wanted, capabilities))
        return HttpResponse(b"{}", status=202, content_type="application/json")

    def bind(self) -> str:
        """The agent acts for somebody with an account."""
        user = get_user_model()._default_manager.create_user(username=uuid.uuid4().hex)  # type: ignore[attr-defined]
        self.person = str(user.pk)
        bindings.bind(self.agent.owner, self.person)
        return self.person

    # What it asks -----------------------------------------------------------------------

    def ask(self, path: str, body: Any, **options: Any) -> HttpResponse:
        # Two requests of one second would else be one signature.
        return self.agent.post(path, body, {"Idempotency-Key": uuid.uuid4().hex}, **options)

    def auth(self, token: Any = None, presented: Any = None, **members: Any) -> HttpResponse:
        """At the auth token endpoint, with a resource token that fits what was presented."""
        shown = presented if presented is not None else self.shown()
        body = {"resource_token": token or self.resource_token(shown), "presented_token": shown, **members}
        return self.ask(AUTH, {name: value for name, value in body.items() if value is not None})

    def shown(self, **changed: Any) -> str:
        """A person token for the resource, given to the agent."""
        return str(issuing.body_of(self.granted(**changed))["person_token"])

    def granted(self, kind: str = Grant.PERSON_TOKEN, **changed: Any) -> Grant:
        """Somebody has said yes."""
        if "person" not in changed and not self.person:
            self.bind()
        now = timezone.now()
        columns = {
            "owner": self.agent.owner,
            "person": self.person,
            "kind": kind,
            "audience": ELSEWHERE,
            "scope": SCOPE if kind == Grant.AUTH_TOKEN else "",
            "key": signatures.public_jwk(self.agent.key),
            "state": "granted",
            "expires_at": now + timedelta(minutes=15),
            "decided_at": now,
        }
        return Grant.objects.create(**{**columns, **changed})

    def resource_token(self, shown: str = "", typ: str = "aa-resource+jwt", **changed: Any) -> str:
        """As the resource makes it for whoever presented `shown`; a claim of None is left out."""
        now = int(time.time())
        said = claims_of(shown) if shown else {}
        told = {
            "iss": self.resource.issuer,
            "dwk": "aauth-resource.json",
            "aud": US,
            "ps": US,
            "sub": said.get("sub", "nobody"),
            "presented_jti": said.get("jti", "none"),
            "jti": uuid.uuid4().hex,
            "agent_jkt": self.agent.thumbprint,
            "scope": SCOPE,
            "iat": now,
            "exp": now + 300,
            **changed,
        }
        header = {"typ": typ, **({"alg": "EdDSA"} if not typ.startswith("aa-") else {})}
        return self.resource.token(
            {name: value for name, value in told.items() if value is not None}, **header
        )

    def older_token(self, **changed: Any) -> str:
        """In the older wording, which knows no person before somebody was asked."""
        absent = {"ps": None, "sub": None, "presented_jti": None, "dwk": None}
        return self.resource_token(typ="resource+jwt", **{"agent": self.agent.sub, **absent, **changed})


@contextmanager
def opened(**settings: Any) -> Iterator[Desk]:
    """A person server, with an agent that names it and a resource whose keys are pinned."""
    resource = Provider(ELSEWHERE, kid="resource-1")
    agent = SignedAgent(person_server=US, capabilities=(), AAUTH_PERSON_SERVER=True, **settings)
    issuers_now = {**agent.provider.pinned(), **resource.pinned(), **settings.get("AAUTH_ISSUERS", {})}
    agent._changed = {**agent._changed, "AAUTH_ISSUERS": issuers_now}
    with agent:
        issuers.forget()
        vouching.forget()
        yield Desk(agent, resource)


def body(answer: HttpResponse) -> Any:
    return json.loads(answer.content)


def problem(answer: HttpResponse) -> tuple[int, str]:
    """Status and error of a refusal, in the form that every one has."""
    told = body(answer)
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    assert told["status"] == answer.status_code
    return answer.status_code, told["error"]


def decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def claims_of(token: str) -> dict[str, Any]:
    return json.loads(decoded(token.split(".")[1]))


def header_of(token: str) -> dict[str, Any]:
    return json.loads(decoded(token.split(".")[0]))


def verified(token: str) -> dict[str, Any]:
    """The claims, as a stranger gets at them: with what we publish, and nothing else of ours."""
    head, payload, signature = token.split(".")
    [jwk] = [key for key in keys.jwks()["keys"] if key["kid"] == header_of(token)["kid"]]
    Ed25519PublicKey.from_public_bytes(decoded(jwk["x"])).verify(
        decoded(signature), f"{head}.{payload}".encode()
    )
    return claims_of(token)


def record_of(token: str) -> IssuedToken:
    return IssuedToken.objects.get(pk=claims_of(token)["jti"])
