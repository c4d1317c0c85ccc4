"""What a person is told about what their agent wants to be granted."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from checkout.untrusted import visible
from gateway import account_facts, agents, bindings, contacts, grants, keys, languages
from gateway.conf import conf
from gateway.person_models import AgentBinding, Grant
from gateway.persons import Person, persons

SEEN = "grant as it was shown"
DIGEST_CHARACTERS = 32
LONGEST_JUSTIFICATION = 1_000
LONGEST_HOST = 255


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that is asked for."""

    name: str
    told: str = ""
    """In words, where we know what it means; a resource elsewhere means by a name what it likes."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Always visible above the question (T40, T45). `requested_by` and `justification` are the agent's own
    words."""

    grant_id: str
    names: bool
    """It is to be told who the person is, and no more."""
    ours: bool
    host: str
    scopes: tuple[Scope, ...]
    account: str
    justification: str
    requested_by: str
    proved: str
    vouched_by: str
    minutes: int
    """So long a token lives; to be told who the person is needs no second yes."""
    is_new: bool
    """Nobody has taken the agent on."""
    was_removed: bool
    language: str
    content: str = field(repr=False)
    """As in `grants.content`."""
    digest: str = field(repr=False)
    """Short and keyed: differs when anything else is asked, or somebody else is signed in."""


def of_subject(grant_id: str, accepted: str = "") -> Consent | None:
    """What is asked, for whoever is not known to be anybody; None when it is gone. `accepted` is an
    Accept-Language."""
    grant = Grant.objects.filter(pk=grant_id).first()
    return of(grant, None, accepted) if grant else None


def of(grant: Grant, person: Person | None, accepted: str = "") -> Consent:
    """What the signed-in `person` is asked."""
    language = languages.best(person.language if person else _language(grant), accepted)
    agent = agents.of_owner(grant.owner)
    bound = bindings.of(grant.owner)
    ours = grant.audience == conf().PUBLIC_URL
    content = grants.content(grant)
    return Consent(
        grant_id=grant.pk,
        names=grant.kind == Grant.PERSON_TOKEN,
        ours=ours,
        host=visible(urlsplit(grant.audience).netloc or grant.audience, longest=LONGEST_HOST),
        scopes=tuple(_scope(name, ours) for name in grant.scope.split()),
        account=visible(grant.account),
        justification=visible(grant.justification, longest=LONGEST_JUSTIFICATION, keep="\n"),
        requested_by=contacts.requested_by(grant.owner, language),
        proved=visible(agent.identity) if agent else "",
        vouched_by=agents.vouched_by(agent) if agent else "",
        minutes=max(1, round(conf().AAUTH_TOKEN_SECONDS / 60)),
        is_new=bound is None,
        was_removed=bound is not None and bound.revoked_at is not None,
        language=language,
        content=content,
        digest=keys.digest(f"{content}\0{person.id if person else ''}".encode(), SEEN)[:DIGEST_CHARACTERS],
    )


def is_foreign(grant: Grant, person: Person) -> bool:
    """Somebody else is asked, or the agent is somebody else's, also when they removed it (AA-213)."""
    bound: AgentBinding | None = bindings.of(grant.owner)
    return grant.person not in ("", person.id) or (bound is not None and bound.person != person.id)


def _scope(name: str, ours: bool) -> Scope:
    known = account_facts.scopes() if ours else {}
    return Scope(visible(name), known.get(name, ""))


def _language(grant: Grant) -> str:
    asked = persons().by_id(grant.person) if grant.person else None
    return asked.language if asked else ""
