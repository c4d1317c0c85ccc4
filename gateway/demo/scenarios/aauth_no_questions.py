"""An agent that takes no questions is asked none: the same purchase goes on without."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    with play.signed() as agent:
        play.step("Buy a tent, as an agent that did not declare that it answers questions.")
        session = agent.post(SESSIONS, delivered("item_tent"))
        done = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise("asked" not in agent.notices, "the agent was asked nothing, although there is a rule")
        play.promise("unknown" not in agent.notices, "nor was anything required that it cannot do")
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("aauth_no_questions", "a signing agent that takes no questions is asked none", story)
