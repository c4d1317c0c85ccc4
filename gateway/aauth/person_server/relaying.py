"""An agent asks for its person: what it may ask for, and whether anybody can bring them (AA-202 to AA-209).

Whoever asks is bound to the person here, or is answered as if nobody could be reached: the same for an agent
that is somebody else's, and for one whose person has stopped it. What it wrote is judged and kept, and never
followed: no address is ever fetched.
"""

from __future__ import annotations

import logging
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from gateway import bindings, carddata, parked, summonses, windows
from gateway.aauth.problems import Problem, Unreachable
from gateway.conf import conf
from gateway.identities import INTERACTION, Identity
from gateway.person_models import Summons
from gateway.person_states import SummonsState
from gateway.summonses import Wanted
from interventions import questions, weblinks

log = logging.getLogger("agentic.aauth")

KINDS = (Summons.INTERACTION, Summons.PAYMENT, Summons.QUESTION)
LONGEST_URL = 2_000
LONGEST_DESCRIPTION = 4_000
MOST_CAPABILITIES, LONGEST_CAPABILITY = 20, 40
PERSON_FACTOR = 2
"""All agents of a person together ask for them so many times as often as one may: so none of them alone can
keep the others from it."""
MOST_OPEN = 10
"""As many of one agent wait at a time, whatever the rate."""
OPEN_AGAIN_SECONDS = 30

_CODE = re.compile(r"[0-9A-Za-z-]{1,64}", re.ASCII)
_ORDINARY = frozenset("\n\r\t")
_STEERING = frozenset({"Cc", "Cs"})


@sensitive_variables("body", "wanted")
def begin(identity: Identity, body: Mapping[str, Any]) -> Summons:
    """What the agent asks for waits for its person, or has ended already; a repeat is the same (AA-218).

    Raises Problem: 400 for what cannot be asked for, 429 for too much, 424 or 403 when nobody is reached. No
    transaction may be open; takes several seconds at most.
    """
    wanted, is_able = judged(identity, body)
    found = summonses.known(wanted) if wanted.person else None
    if found is not None:
        return found
    _admit(wanted)
    if not wanted.person:
        raise _unavailable(wanted, is_able)
    row = summonses.ask(wanted)
    if row.state == SummonsState.FAILED:
        summonses.told(row)
        raise _unavailable(wanted, is_able)
    return row


@sensitive_variables("body", "code", "description", "question")
def judged(identity: Identity, body: Mapping[str, Any]) -> tuple[Wanted, bool]:
    """What is asked for, and whether the agent can bring its person itself. Raises Problem that names the
    member. Members that are not known are left out."""
    kind = body.get("type")
    if kind not in KINDS:
        raise invalid(f"type has to be one of: {', '.join(KINDS)}.")
    if body.get("mission_s256") is not None:
        # There are no missions here, so none that is named is under way (AA-215).
        raise invalid("mission_s256: no mission of that name is under way here.")
    asks = kind == Summons.QUESTION
    url = "" if asks else _url(body.get("url"))
    code = "" if asks else _code(body.get("code"))
    description = _text(body, "description", LONGEST_DESCRIPTION)
    if asks and description and (flaw := questions.flaw(description)):  # it is read with the question
        raise invalid(f"description: {flaw}")
    question = _question(body) if asks else ""
    max_wait = _seconds(body.get("max_wait"))
    declared = _capabilities(body.get("capabilities"))
    binding = bindings.of(identity.owner)
    bound = binding is not None and binding.revoked_at is None
    capabilities: Collection[str] | None = declared
    if capabilities is None and binding is not None and bound:
        capabilities = binding.capabilities  # None: it has never said
    wanted = Wanted(
        owner=identity.owner,
        person=binding.person if binding is not None and bound else "",
        kind=str(kind),
        url=url,
        code=code,
        description=description,
        question=question,
        pending=_pending(url, identity.owner),
        capabilities=capabilities or (),
        max_wait=max_wait,
        wording=conf().AAUTH_WORDING,
    )
    return wanted, capabilities is None or INTERACTION in capabilities


def invalid(detail: str) -> Problem:
    return Problem(400, "invalid_request", detail)


def _admit(wanted: Wanted) -> None:
    """One more may be asked for by the agent, and of the person. Raises Problem (AA-218)."""
    most = conf().AAUTH_RELAY_RATE
    counts = [(f"aauth:relay:agent:{wanted.owner}", most)]
    if wanted.person:
        counts.append((f"aauth:relay:person:{wanted.person}", PERSON_FACTOR * most))
    seconds = windows.take(counts).wait_seconds
    if seconds <= 0 and wanted.person:
        rows = Summons.objects.filter(owner=wanted.owner, state__in=Summons.OPEN)
        if rows.filter(expires_at__gt=timezone.now()).count() >= MOST_OPEN:
            seconds = OPEN_AGAIN_SECONDS
    if seconds > 0:
        log.warning("%s asks for its person too often", wanted.owner)
        text = "The person is asked for too often. Wait for as long as Retry-After says."
        raise Problem(429, "slow_down", text, {"Retry-After": str(math.ceil(seconds))})


def _unavailable(wanted: Wanted, is_able: bool) -> Problem:
    """Nobody is reached: the agent goes on by itself, or nobody can (AA-207 to AA-209)."""
    log.info("%s: its person is not reached (%s)", wanted.owner, wanted.kind)
    if wanted.kind == Summons.QUESTION:
        return Unreachable("The person cannot be asked now.")
    if not is_able:
        return Unreachable("The person cannot be reached, and the agent cannot bring them either.")
    text = "The person cannot be reached by us now. Bring them to url with code yourself."
    return Problem(424, "interaction_unavailable", text)


def _url(given: object) -> str:
    """Where the person shall go (AA-203). Raises Problem."""
    try:
        link = weblinks.parse(given) if isinstance(given, str) and len(given) <= LONGEST_URL else None
    except ValueError:
        link = None
    if link is None or "?" in link.target:
        raise invalid("url has to be a plain https address without query, fragment and user.")
    at_home = conf().DEMO and link.host in weblinks.LOOPBACK
    if link.scheme != "https" and not at_home:
        raise invalid("url has to be a plain https address without query, fragment and user.")
    allowed = conf().AAUTH_RELAY_ORIGINS
    if allowed and link.origin not in (*allowed, conf().PUBLIC_URL):
        raise invalid("url: people are not sent there from here.")
    return link.origin + link.target


def _pending(url: str, owner: str) -> str:
    """The agent's own call that waits at that page of ours; "" when it is no such page. Raises Problem."""
    try:
        call = parked.lot().at(url, owner) if url else None
    except parked.NoSuchCall:
        raise invalid("url: nothing of this agent waits there.") from None
    return call.id if call is not None else ""


def _code(given: object) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or not _CODE.fullmatch(given) or carddata.is_number(given):
        raise invalid("code has 1 to 64 letters, digits and hyphens.")
    return given


def _question(body: Mapping[str, Any]) -> str:
    question = _text(body, "question", questions.LONGEST_QUESTION)
    if flaw := questions.flaw(question):  # also for codes, cards and passwords (AA-114)
        raise invalid(f"question: {flaw}")
    return question


def _text(body: Mapping[str, Any], member: str, most: int) -> str:
    given = body.get(member)
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > most:
        raise invalid(f"{member} has to be a text of at most {most} characters.")
    if any(unicodedata.category(letter) in _STEERING and letter not in _ORDINARY for letter in given):
        raise invalid(f"{member} holds a control character.")
    return given.strip()


def _seconds(given: object) -> int | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise invalid("max_wait has to be a whole number of seconds, at least 1.")
    return min(given, summonses.LONGEST_WAIT_SECONDS)


def _capabilities(given: object) -> list[str] | None:
    """As they were declared with this request; None when nothing was said."""
    if given is None:
        return None
    if not isinstance(given, list) or len(given) > MOST_CAPABILITIES or not all(map(_is_name, given)):
        raise invalid("capabilities has to be a list of names.")
    return [str(name) for name in given]


def _is_name(given: object) -> bool:
    return isinstance(given, str) and 0 < len(given) <= LONGEST_CAPABILITY
