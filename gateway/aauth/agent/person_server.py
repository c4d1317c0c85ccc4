"""The person's server: it may reach them where the agent cannot (AA-300 to AA-305), and gives out tokens in
their name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.aauth.agent.exchange import Addresses, AgentError, Answer, Unsafe, UserUnreachable
from gateway.aauth.agent.pending import has_arrived

DOCUMENT = "/.well-known/aauth-person.json"
INTERACTIONS = "interaction_endpoint"
PERSON_TOKENS = "person_token_endpoint"
AUTH_TOKENS = "auth_token_endpoint"
KNOWN_SECONDS = 60 * 60.0
"""So long a document is good."""
UNKNOWN_SECONDS = 60.0
"""So long a person server that has none is not asked again."""
UNREACHABLE = frozenset({"user_unreachable", "interaction_required"})
"""The end, in the newest wording and in the older one."""

Signed = Callable[[str, str, Mapping[str, Any] | None], Answer]
"""Sends a request that the agent signs: method, address, body."""
Plain = Callable[[str], Answer]
"""Fetches a public document."""


@dataclass(frozen=True, slots=True)
class Relayed:
    """How it stands with bringing the person in: `pending` while the server tries, `engaged` once they came,
    `declined` when they do not want to.

    None of them: it does not, and `why` says so; the agent goes on by itself.
    """

    pending: str = ""
    engaged: bool = False
    declined: bool = False
    answer: Answer | None = None
    why: str = ""


class PersonServer:
    """The server of the agent's person, by its name, or by the endpoint alone when that is known."""

    def __init__(
        self,
        name: str,
        endpoint: str,
        *,
        addresses: Addresses,
        plain: Plain,
        signed: Signed,
        clock: Callable[[], float],
    ) -> None:
        self.name = name.rstrip("/")
        self._given = endpoint
        self._addresses = addresses
        self._plain = plain
        self._signed = signed
        self._clock = clock
        self._known: Mapping[str, Any] = {}
        self._known_until = float("-inf")

    def __bool__(self) -> bool:
        return bool(self.name or self._given)

    def endpoint(self, name: str) -> str:
        """Where it takes requests of that kind, by its own document; "" for nowhere. Raises AgentError."""
        if name == INTERACTIONS and self._given:
            found: Any = self._given
        else:
            found = self._document().get(name)
        if not isinstance(found, str) or not found:
            return ""
        self._addresses.judged(found)
        return found

    def relay(self, body: Mapping[str, Any]) -> Relayed:
        """The server was asked to bring the person in. Raises UserUnreachable, and nothing else."""
        try:
            endpoint = self.endpoint(INTERACTIONS)
            if not endpoint:
                return Relayed(why="the person server takes no interactions")
            answer = self._signed("POST", endpoint, body)
        except UserUnreachable:
            raise
        except AgentError as problem:
            return Relayed(why=str(problem))
        return self.judged(answer, endpoint)

    def judged(self, answer: Answer, asked: str) -> Relayed:
        """What an answer of the server means, to the first request or to a poll. Raises UserUnreachable."""
        if answer.status == 202:
            try:
                pending = self._addresses.beside(asked, answer.headers.get("location", ""))
            except Unsafe as problem:
                return Relayed(why=f"the person server answered {problem}", engaged=has_arrived(answer))
            return Relayed(pending=pending, engaged=has_arrived(answer), answer=answer)
        unless_unreachable(answer)
        if answer.status == 200 and has_come(answer):
            return Relayed(engaged=True)
        # 424 interaction_unavailable is the one the draft foresees; all else is treated alike (AA-303).
        named = answer.error or answer.text("status")
        why = f"the person server answered {answer.status} {named[:60]}".rstrip()
        return Relayed(declined=(answer.status, named) == (403, "denied"), why=why)

    def _document(self) -> Mapping[str, Any]:
        """What it publishes about itself, empty when that is nothing. Raises AgentError."""
        if not self.name:
            return {}
        now = self._clock()
        if now >= self._known_until:
            self._known, self._known_until = {}, now + UNKNOWN_SECONDS
            self._addresses.judged(self.name)
            answer = self._plain(self.name + DOCUMENT)
            # Only the server itself says what it is (AA-413).
            if answer.status == 200 and answer.text("issuer") == self.name:
                self._known, self._known_until = answer.body, now + KNOWN_SECONDS
        return self._known


def unless_unreachable(answer: Answer) -> None:
    """Raises UserUnreachable when that is what the answer says (AA-305)."""
    if answer.status == 403 and answer.error in UNREACHABLE:
        raise UserUnreachable("The person server cannot reach the person, and nobody else shall try.")


def has_come(answer: Answer) -> bool:
    """The terminal answer of a relay says that the person came (AA-205). Its body is not laid down: what is
    doubtful counts as no, because asking a person twice harms less than never asking them."""
    engaged = answer.body.get("engaged")
    if isinstance(engaged, bool):
        return engaged
    return answer.body.get("status") in ("completed", "interacting")


def asking(
    url: str,
    code: str,
    *,
    capabilities: Sequence[str],
    payment: bool = False,
    description: str = "",
    max_wait: int | None = None,
) -> dict[str, Any]:
    """The body that asks to bring the person to `url` (AA-202, AA-301, AA-309); `payment`: to pay there."""
    return {
        "type": "payment" if payment else "interaction",
        "url": url,
        "code": code,
        "capabilities": list(capabilities),
        **({"description": description} if description else {}),
        **({} if max_wait is None else {"max_wait": max_wait}),
    }
