"""The person asks their agent something on the shop's page before they confirm."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a session that has to be confirmed. On the page, the person asks the agent why, reads the "
        "answer, and confirms."
    )
    with play.signed(answers=["You asked for one with a **bright** screen."]) as agent:

        def person(url: str, code: str) -> None:
            agent.meanwhile.append(lambda: play.buyer_asks(agent.link(url, code), code, "Why this one?"))
            agent.meanwhile.append(lambda: play.buyer_goes_on(url))

        agent.when_prompted = person
        session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise("answered" in agent.notices, "the agent was asked, and answered")
        play.promise(session.session_status == "ready_for_payment", "the person has confirmed")


SCENARIO = Scenario("aauth_question_person", "the person asks their signing agent, then confirms", story)
