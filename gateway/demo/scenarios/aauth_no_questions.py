"""An agent that takes no questions is asked none: the same purchase goes on without."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a session with a tent, as an agent that did not declare that it answers questions. The rule for "
        "tents has nobody to ask."
    )
    with play.signed() as agent:
        session = agent.post(SESSIONS, delivered("item_tent"))
        play.promise("asked" not in agent.notices, "the agent was asked nothing")
        play.promise("unknown" not in agent.notices, "nor was anything required that it cannot do")
        play.promise(session.status in (200, 201), "the call is answered")


SCENARIO = Scenario("aauth_no_questions", "a signing agent that takes no questions is asked none", story)
