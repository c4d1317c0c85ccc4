"""What somebody could try who wants to be taken for an agent, or to keep agents out."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.aauth import callbacks, issuers
from gateway.aauth.issuers import AGENT, NoKey
from gateway.models import Agent
from tests.aauth.agents import SignedAgent
from tests.aauth.persons import CALLBACK, Arriving, parked

KNOWN, CAME, NEW = "https://known.example", "https://came.example", "https://new.example"


@pytest.fixture
def asked(shop: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who was asked. Made-up names have used up what may be asked in a minute."""
    said: list[str] = []

    def ask(url: str, **_: Any) -> dict[str, Any]:
        said.append(url.partition("/.well-known/")[0])
        raise NoKey

    monkeypatch.setattr(issuers, "FETCHES_A_MINUTE", 2)
    monkeypatch.setattr(issuers, "ask", ask)
    for number in range(3):
        look(f"https://made-up-{number}.example")
    said.clear()
    return said


def look(issuer: str) -> None:
    with pytest.raises(NoKey):
        issuers.key(issuer, AGENT, "kid")


@pytest.mark.requirement("AA-413")
def test_made_up_names_lock_no_agent_out_that_was_here_before(asked: list[str]) -> None:
    """Its issuer must be asked once a day, and when its key changes."""
    Agent.objects.create(name="a@known.example", issuer=KNOWN, identity="aauth:a@known.example")
    Agent.objects.create(name="a@came.example", issuer=CAME, identity="aauth:a@came.example", known=False)

    for issuer in (NEW, CAME, KNOWN):
        look(issuer)

    assert asked == [CAME, KNOWN]


@pytest.mark.requirement("AA-413")
def test_whoever_enrols_many_agents_keeps_none_out_that_is_known(asked: list[str]) -> None:
    """Nor does somebody who can send agents of any number of issuers, or of blocked ones."""
    for number in range(3):
        host = f"mine-{number}.example"
        Agent.objects.create(name=host, issuer=f"https://{host}", identity=f"aauth:a@{host}", known=False)
        look(f"https://{host}")
    Agent.objects.create(name="known", issuer=KNOWN, identity="aauth:a@known.example")
    Agent.objects.create(name="blocked", issuer=CAME, identity="aauth:a@came.example", active=False)

    look(KNOWN)
    look(CAME)

    assert asked == ["https://mine-0.example", "https://mine-1.example", KNOWN]


@pytest.mark.requirement("AA-076")
@pytest.mark.parametrize(("length", "followed"), [(2000, True), (2001, False)])
def test_a_callback_is_not_longer_than_what_is_kept_of_it(
    signing: SignedAgent, length: int, followed: bool
) -> None:
    Agent.objects.create(name="a", issuer=signing.provider.issuer, identity=signing.sub)
    callback = f"{CALLBACK}?x=".ljust(length, "a")

    assert callbacks.judged(signing.owner, callback) == (callback if followed else "")


@pytest.mark.requirement("AA-071")
def test_of_a_bare_key_nobody_reads_that_somebody_vouches_for_it(signing: SignedAgent) -> None:
    """Older wordings let it sign; it proves to be nobody in particular."""
    person = Arriving(parked(signing))
    owner = f"aauth:jkt|{signing.thumbprint}"
    Agent.objects.filter(issuer=signing.provider.issuer).update(issuer="jkt", identity=signing.thumbprint)
    person.pending.__class__.objects.update(owner=owner)

    page = person.come()

    assert page.status_code == 200
    assert "vouches for it" not in page.content.decode()
