"""The proposal that an agent asks its person's server first, piece by piece, in every wording: the server
brings the person in if it can, says so if it cannot, and the agent then drives the page itself."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client

from gateway import bindings, summonses
from interventions import reaching
from tests.aauth.person_server.accounts import US, OwnAgent, having_accounts, someone
from tests.aauth.persons import Arriving, body, parked, polled
from tests.person.conftest import code_in_mail

WORDINGS = ("draft-11", "dual", "seed")
ASKED = re.compile(r'requirement=interaction; url="([^"]+)"; code="([^"]+)"')
ELSEWHERE = ("https://booking.example/confirm", "X7K2-M9P4")


def interaction_endpoint() -> str:
    """Where the person server takes interactions, as it publishes."""
    document = Client().get("/.well-known/aauth-person.json")
    return urlsplit(json.loads(document.content)["interaction_endpoint"]).path


def asks_its_server(agent: OwnAgent, url: str, code: str, **members: Any) -> HttpResponse:
    return agent.post(interaction_endpoint(), {"type": "interaction", "url": url, "code": code, **members})


def asked(answer: HttpResponse) -> tuple[str, str]:
    """Where its 202 wants the person, and the code."""
    found = ASKED.fullmatch(answer.headers["AAuth-Requirement"])
    assert found is not None
    return found[1], found[2]


def place(answer: HttpResponse) -> str:
    assert answer.headers["Location"].startswith(f"{US}/")
    return urlsplit(answer.headers["Location"]).path


@pytest.mark.requirement("AA-204", "AA-205", "AA-206", "AA-210")
@pytest.mark.parametrize("wording", WORDINGS)
def test_the_server_brings_the_person_in(counter: None, wording: str) -> None:
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        ada = someone()
        bindings.bind(agent.owner, ada)
        reaching.seen(ada, "her browser")  # a live web session

        # The agent has received 202 from some resource, and takes it to its person's server.
        relayed = asks_its_server(agent, *ELSEWHERE)
        waits = agent.get(place(relayed))
        (summons,) = summonses.open_of(ada)
        opened = summonses.engage(summons.pk, ada)
        told = agent.get(place(relayed))
        again = agent.get(place(relayed))

    assert relayed.status_code == waits.status_code == 202
    for answer in (relayed, waits):
        assert body(answer)["status"] == "pending"
        assert answer.headers["Cache-Control"] == "no-store"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Location"] == relayed.headers["Location"]
    assert opened.address == f"{ELSEWHERE[0]}?code={ELSEWHERE[1]}"
    assert (told.status_code, body(told)["engaged"], body(told)["channel"]) == (200, True, "web_session")
    assert again.status_code == 410


@pytest.mark.requirement("AA-206", "AA-207", "AA-210")
@pytest.mark.parametrize("wording", WORDINGS)
def test_the_agent_drives_the_page_itself_when_the_server_cannot(counter: None, wording: str) -> None:
    """Nothing has ended by that: the call waits at the resource, and the person finishes there."""
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        bindings.bind(agent.owner, someone())
        person = Arriving(parked(agent))
        url, code = asked(polled(agent, person.pending))

        refused = asks_its_server(agent, url, code)
        page = person.open(f"{url}?code={code}")
        entered = person.press(page, "continue")
        person.press(person.open(entered.headers["Location"]), "code", code=code_in_mail())
        told = polled(agent, person.pending)

    assert refused.status_code == 424
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert body(refused)["error"] == "interaction_unavailable"
    assert not {"AAuth-Requirement", "AAuth", "Location"} & set(refused.headers)
    assert page.status_code == 200
    assert told.status_code == 200
    assert body(told)["status"] == "ready_for_payment"


@pytest.mark.requirement("AA-206", "AA-214")
@pytest.mark.parametrize("wording", WORDINGS)
def test_a_page_of_ours_is_finished_by_whoever_was_brought_to_it(counter: None, wording: str) -> None:
    """Both pending URLs tell of one row."""
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        ada = someone()
        bindings.bind(agent.owner, ada)
        reaching.seen(ada, "her browser")
        person = Arriving(parked(agent))

        relayed = asks_its_server(agent, *asked(polled(agent, person.pending)))
        (summons,) = summonses.open_of(ada)
        page = person.open(summonses.engage(summons.pk, ada).address)
        entered = person.press(page, "continue")
        come = agent.get(place(relayed))
        person.press(person.open(entered.headers["Location"]), "code", code=code_in_mail())
        told = polled(agent, person.pending)

    assert relayed.status_code == 202
    assert (come.status_code, body(come)["engaged"]) == (200, True)
    assert told.status_code == 200
    assert body(told)["status"] == "ready_for_payment"


@pytest.mark.requirement("AA-208")
@pytest.mark.parametrize(
    ("wording", "error"),
    [("draft-11", "user_unreachable"), ("dual", "user_unreachable"), ("seed", "interaction_required")],
)
def test_when_no_party_can_drive_it_that_is_the_end(counter: None, wording: str, error: str) -> None:
    """`interaction_required` keeps its meaning, by whatever name."""
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        bindings.bind(agent.owner, someone())

        answer = asks_its_server(agent, *ELSEWHERE, capabilities=["clarification"])

    assert (answer.status_code, body(answer)["error"]) == (403, error)
    assert (body(answer).get("legacy_error") == "interaction_required") is (wording == "dual")
