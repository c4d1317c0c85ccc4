"""The walkthrough of clarification chat, step by step, in every wording: a call waits, its agent is asked and
answers at the pending URL, the person finishes, and the agent hears the end."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import pytest

from gateway.aauth import codes
from interventions import clarifications
from interventions.errors import NobodyAnswers
from interventions.models import Clarification
from tests.aauth.persons import Arriving, body, counter, parked, polled, shopping  # noqa: F401  (a fixture)
from tests.person.conftest import code_in_mail

WORDINGS = ("draft-11", "dual", "seed")
QUESTION = "Why do you need access to my calendar?"
ANSWER = "This agent only requests access to fulfill its task."


@pytest.mark.requirement("AA-100", "AA-102", "AA-105", "AA-108", "AA-113")
@pytest.mark.parametrize("wording", WORDINGS)
def test_the_walkthrough(counter: None, wording: str) -> None:  # noqa: F811
    with shopping(AAUTH_WORDING=wording) as agent:
        person = Arriving(parked(agent))  # steps 1 and 2: 202, with a place to poll and a code
        place = urlsplit(codes.pending_url(person.pending)).path
        waits = polled(agent, person.pending)
        clarifications.ask(person.pending.subject, QUESTION, source=Clarification.OPERATOR, asked_by="ada")

        asked = polled(agent, person.pending)
        bare = agent.post(place, {"clarification_response": ANSWER})
        before = int(time.time())
        if wording == "draft-11":
            assert (bare.status_code, body(bare)["error"]) == (400, "invalid_request")
            bare = agent.post(place, {"action": "clarification_response", "clarification_response": ANSWER})
        came = [person.come().status_code, person.come().status_code]
        entered = person.go_on()
        again = person.come()
        done = person.press(person.open(entered.headers["Location"]), "code", code=code_in_mail())
        told = polled(agent, person.pending)

    old = wording != "draft-11"
    assert ("AAuth" in waits.headers, "require" in body(waits)) == (old, old)
    assert waits.headers["AAuth-Requirement"].startswith("requirement=interaction")
    # Step 3: the question is in the answer to the poll.
    assert asked.status_code == 202
    assert asked.headers["AAuth-Requirement"] == "requirement=clarification"
    assert (body(asked)["status"], body(asked)["clarification"]) == ("pending", QUESTION)
    # Step 4: the answer is taken at the same address, and kept.
    assert bare.status_code == 202
    assert bare.headers["Location"] == waits.headers["Location"]
    assert "clarification" not in body(bare)
    (kept,) = clarifications.responses(person.pending.subject)
    assert kept["response"] == ANSWER
    assert abs(kept["timestamp"] - before) <= 120
    # Step 5: the page may be opened as often as the person likes, also with the code that was used.
    assert came == [200, 200]
    assert entered.status_code == 303
    assert again.status_code in (200, 303)
    assert done.status_code == 303
    # Step 6: what the call would have been answered at once.
    assert told.status_code == 200
    assert body(told)["status"] == "ready_for_payment"
    assert "AAuth-Requirement" not in told.headers


@pytest.mark.requirement("AA-101")
@pytest.mark.parametrize("wording", WORDINGS)
def test_without_the_capability_nobody_is_asked(counter: None, wording: str) -> None:  # noqa: F811
    """The second case of the walkthrough: the flow goes on without questions."""
    with shopping("interaction", AAUTH_WORDING=wording) as agent:
        person = Arriving(parked(agent))

        with pytest.raises(NobodyAnswers):
            clarifications.ask(person.pending.subject, QUESTION, source=Clarification.OPERATOR)

        waits = polled(agent, person.pending)
        page = person.open(person.go_on().headers["Location"])
        person.press(page, "code", code=code_in_mail())
        told = polled(agent, person.pending)

    assert "clarification" not in body(waits)
    assert "/ask" not in page.content.decode()
    assert told.status_code == 200
