"""The page behind an agent's code: what it shows, and who may go on (AA-050 to AA-058, AA-070 to AA-078)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway import agents
from gateway.aauth import codes
from gateway.person import misses
from gateway.shop import demo
from interventions.models import Intervention
from tests.aauth.agents import SignedAgent
from tests.aauth.persons import Arriving, moved_on, parked, polled, shopping, shown_code
from tests.people import heading
from tests.person.conftest import code_in_mail


@pytest.fixture
def agent(transactional_db: None) -> Iterator[SignedAgent]:
    demo.load()
    agents.load_demo()
    misses.forget()
    with shopping() as agent:
        yield agent
    misses.forget()


def test_smoke(agent: SignedAgent) -> None:
    pending = parked(agent)
    person = Arriving(pending)
    page = person.come()
    assert page.status_code == 200, page.content
    print(page.content.decode())
    assert shown_code(page) == codes.code_of(pending)
    assert heading(page) == "Compare the code"
    entered = person.press(page, "continue")
    print(entered.status_code, entered.headers, entered.content[:500])
    otp = person.open(entered.headers["Location"])
    print(otp.content.decode())
    assert heading(otp) == "Enter your code"
    code = code_in_mail()
    done = person.press(otp, "code", code=code)
    print(done.status_code, done.headers, done.content[:300])
    back = person.open(done.headers["Location"])
    print(back.content.decode())
    moved_on()
    back = person.open(done.headers["Location"])
    print(back.content.decode())
    print(Intervention.objects.values(), polled(agent, pending).content)
