"""The person's server is asked first: it may reach them where the agent cannot (AA-300 to AA-305)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.aauth.agent.exchange import Addresses, AgentError, Answer, Unsafe, UserUnreachable
from gateway.aauth.agent.pending import has_arrived

DOCUMENT = "/.well-known/aauth-person.json"
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
    """How it stands with bringing the person in: `pending` while the server tries, `engaged` once they came.

    Neither: it does not, and `why` says so; the agent goes on by itself.
    """

    pending: str = ""
    engaged: bool = False
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
        self._name = name.rstrip("/")
        self._given = endpoint
        self._addresses = addresses
        self._plain = plain
        self._signed = signed
        self._clock = clock
        self._known, self._known_until = "", float("-inf")

    def __bool__(self) -> bool:
        return bool(self._name or self._given)

    def relay(self, body: Mapping[str, Any]) -> Relayed:
        """The server was asked to bring the person in. Raises UserUnreachable, and nothing else."""
        try:
            endpoint = self._endpoint()
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
        if answer.status == 403 and answer.error in UNREACHABLE:
            raise UserUnreachable("The person server cannot reach the person, and nobody else shall try.")
        if answer.status == 200 and has_come(answer):
            return Relayed(engaged=True)
        # 424 interaction_unavailable is the one the draft foresees; all else is treated alike (AA-303).
        named = answer.error or answer.text("status")
        return Relayed(why=f"the person server answered {answer.status} {named[:60]}".rstrip())

    def _endpoint(self) -> str:
        """Where interactions are taken, "" for nowhere. Raises AgentError."""
        if self._given:
            self._addresses.judged(self._given)
            return self._given
        now = self._clock()
        if now >= self._known_until:
            self._known, self._known_until = "", now + UNKNOWN_SECONDS
            self._known = self._published()
            self._known_until = now + (KNOWN_SECONDS if self._known else UNKNOWN_SECONDS)
        return self._known

    def _published(self) -> str:
        self._addresses.judged(self._name)
        answer = self._plain(self._name + DOCUMENT)
        # Only the server itself says what it is (AA-413).
        if answer.status != 200 or answer.text("issuer") != self._name:
            return ""
        endpoint = answer.text("interaction_endpoint")
        if endpoint:
            self._addresses.judged(endpoint)
        return endpoint


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
    description: str = "",
    max_wait: int | None = None,
) -> dict[str, Any]:
    """The body that asks to bring the person to `url` (AA-301, AA-309)."""
    return {
        "type": "interaction",
        "url": url,
        "code": code,
        "capabilities": list(capabilities),
        **({"description": description} if description else {}),
        **({} if max_wait is None else {"max_wait": max_wait}),
    }
