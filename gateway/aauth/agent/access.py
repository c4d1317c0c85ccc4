"""Tokens that open a resource: who the agent's person is, and what they allow there (AA-410, AA-412).

The agent's own person server gives them out, whatever a resource says; the older wording let the resource
name an auth server instead, of which only those count that our user has allowed.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.aauth import signatures
from gateway.aauth.agent.exchange import Answer, BadAnswer, NotGranted, Unsafe
from gateway.aauth.agent.pending import AUTH_TOKEN, PERSON_TOKEN, Requirement, requirement_in
from gateway.aauth.agent.person_server import AUTH_TOKENS, PERSON_TOKENS, unless_unreachable
from gateway.aauth.agent.waiting import Waiting

if TYPE_CHECKING:
    from gateway.aauth.agent.client import Agent

TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
LONGEST_TOKEN = 12_000
MOST_SECONDS = 60 * 60.0
"""No token lives longer (AA-217)."""
MARGIN_SECONDS = 5 * 60.0
"""Near its end a token is not shown any more: whoever it is passed on to may find that it has ended. A short
one is good for nine tenths of its time."""
OLDER_DOCUMENTS = ("/.well-known/aauth-issuer.json", "/.well-known/aauth-person.json")


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    until: float


class Access:
    """The tokens of one agent, until they end. May be used by several threads."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._lock = threading.Lock()

    def kept(self, kind: str, place: str) -> str:
        """The token of that kind that is good there: for a resource one that names the person, for an
        address the one that opened it; "" when there is none."""
        with self._lock:
            found = self._kept.get((kind, place))
            return found.token if found is not None and self._agent.clock() < found.until else ""

    def forget(self, token: str) -> None:
        """It is never shown again. Repeatable."""
        with self._lock:
            self._kept = {name: kept for name, kept in self._kept.items() if kept.token != token}

    def person_token(self, resource: str) -> str:
        """A token that names the person to that resource. Raises AgentError."""
        agent = self._agent
        if kept := self.kept(PERSON_TOKEN, resource):
            return kept
        body = {"resource": resource, "capabilities": list(agent.own_capabilities)}
        endpoint = self._endpoint(PERSON_TOKENS)
        return self._granted(endpoint, body, "person_token", (PERSON_TOKEN, resource))

    def auth_token(self, needed: Requirement, presented: str, resource: str, place: str) -> str:
        """A token that opens `place`, for what the resource has written there. Raises AgentError."""
        agent = self._agent
        self._judge(needed.resource_token, resource)
        body = {
            "resource_token": needed.resource_token,
            "presented_token": presented,
            "capabilities": list(agent.own_capabilities),
            **({"justification": agent.habits.description} if agent.habits.description else {}),
        }
        endpoint = self._endpoint(AUTH_TOKENS)
        return self._granted(endpoint, body, "auth_token", (AUTH_TOKEN, place))

    def older_auth_token(self, needed: Requirement, place: str) -> str:
        """The same from the auth server that the resource has named, if our user has allowed it.

        Raises AgentError.
        """
        agent, server = self._agent, needed.auth_server.rstrip("/")
        if server not in {name.rstrip("/") for name in agent.habits.auth_servers}:
            raise Unsafe("an auth server that the resource names, and nobody has allowed")
        agent.addresses.judged(server)
        document = self._older_document(server)
        endpoint = document.get("token_endpoint") or document.get("auth_token_endpoint") or f"{server}/token"
        page = document.get("interaction_endpoint", "") if "token_endpoint" in document else ""
        for address in (endpoint, page):
            if address:
                agent.addresses.judged(str(address))
        body = {"resource_token": needed.resource_token, "capabilities": list(agent.own_capabilities)}
        return self._granted(str(endpoint), body, "auth_token", (AUTH_TOKEN, place), page=str(page))

    def _older_document(self, server: str) -> Mapping[str, Any]:
        """What the auth server publishes about itself, if it does. Raises AgentError."""
        for document in OLDER_DOCUMENTS:
            answer = self._agent.plain(server + document)
            if answer.status == 200 and answer.text("issuer") == server:
                return answer.body
        return {}

    def _endpoint(self, name: str) -> str:
        endpoint = self._agent.person_server.endpoint(name)
        if not endpoint:
            raise NotGranted("The person server gives out no such tokens.")
        return endpoint

    def _granted(
        self, endpoint: str, body: Mapping[str, Any], member: str, name: tuple[str, str], *, page: str = ""
    ) -> str:
        agent = self._agent
        answer = agent.patiently(lambda: agent.to_person_server("POST", endpoint, body))
        if answer.status == 202:
            answer = Waiting(agent, endpoint, agent.to_person_server, page=page).ended(answer)
        if answer.status != 200:
            unless_unreachable(answer)
            error = answer.error[:60]
            raise NotGranted(f"No token was given: {answer.status} {error}".rstrip(), error=error)
        token = answer.text(member)
        if len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
            raise BadAnswer("200 was answered without a token.")
        with self._lock:
            self._kept[name] = _Kept(token, agent.clock() + _seconds(answer.body.get("expires_in")))
        agent.notify("granted", member)
        return token

    def _judge(self, resource_token: str, resource: str) -> None:
        """The resource wrote it, about itself and about our key. Whether that is true is for the person
        server to find out; what is not even said is not passed on. Raises BadAnswer."""
        claims = _claims(resource_token)
        own = signatures.thumbprint(signatures.public_jwk(self._agent.key))
        if claims.get("iss") != resource or claims.get("agent_jkt") != own:
            raise BadAnswer("The resource asks for a token by a writing that is not about it and us.")


class Opening:
    """One request, tried with one token after the other: the agent's own, one that names its person, and one
    that says what the person allows. `token` is what to sign with, "" for the agent's own."""

    def __init__(self, agent: Agent, access: Access, address: str) -> None:
        self._agent = agent
        self._access = access
        self._resource = agent.addresses.server(address)
        self._place = address.partition("?")[0]
        self.token = access.kept(AUTH_TOKEN, self._place)
        self._kind = AUTH_TOKEN if self.token else ""
        self._is_fresh = not self.token

    def goes_on(self, answer: Answer) -> bool:
        """True when `token` is another one now, and the request is to be sent once more; False when this
        answer is the last. Raises AgentError."""
        if answer.status != 401:
            return False
        habits = self._agent.habits
        needed = requirement_in(answer, older=bool(habits.auth_servers))
        kind = needed.kind if needed is not None else ""
        if kind not in (PERSON_TOKEN, AUTH_TOKEN) or needed is None:
            return self._starts_over()
        if not self._agent.person_server.name and not needed.auth_server:
            self._agent.notify("unknown", kind)
            return False
        if kind == PERSON_TOKEN:
            return self._names_person()
        return self._is_allowed(needed)

    def _starts_over(self) -> bool:
        """What was kept is not good any more; the agent's own token is tried."""
        if self._is_fresh:
            return False
        self._access.forget(self.token)
        self.token, self._kind, self._is_fresh = "", "", True
        return True

    def _names_person(self) -> bool:
        if self._kind and self._is_fresh:
            return False  # It was just told, and asks again.
        if self._kind:
            self._access.forget(self.token)
        kept = self._access.kept(PERSON_TOKEN, self._resource)
        self._use(self._access.person_token(self._resource), PERSON_TOKEN, fresh=not kept)
        return True

    def _is_allowed(self, needed: Requirement) -> bool:
        if self._kind == AUTH_TOKEN and self._is_fresh:
            return False  # The person has just been asked, and is not asked again.
        if needed.auth_server and self._agent.habits.auth_servers:
            token = self._access.older_auth_token(needed, self._place)
        elif not self.token:
            return self._names_person()  # What is written against no token of a person is worth nothing.
        else:
            try:
                token = self._access.auth_token(needed, self.token, self._resource, self._place)
            except NotGranted as problem:
                if "presented" in problem.error:
                    self._access.forget(self.token)
                raise
        self._use(token, AUTH_TOKEN, fresh=True)
        return True

    def _use(self, token: str, kind: str, *, fresh: bool) -> None:
        self.token, self._kind, self._is_fresh = token, kind, fresh


def _seconds(said: Any) -> float:
    """How long a token that lives so long is used."""
    lives = float(said) if isinstance(said, int | float) and not isinstance(said, bool) else MOST_SECONDS
    lives = min(max(lives, 0.0), MOST_SECONDS)
    return lives - min(MARGIN_SECONDS, lives / 10)


def _claims(token: str) -> Mapping[str, Any]:
    """What a token says, believed by nobody."""
    if len(token) > LONGEST_TOKEN or not TOKEN.fullmatch(token):
        return {}
    payload = token.split(".")[1]
    try:
        found = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
