"""The shop's rule asks the agent before anybody else: one answer goes on, another ends it."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a session with a tent, as an agent that answers questions. The shop has a rule for tents, and "
        "asks the agent; its person is not needed."
    )
    with play.signed(answers=["For the buyer"]) as agent:
        session = agent.post(SESSIONS, delivered("item_tent"))
        play.promise("answered" in agent.notices, "the agent was asked, and its answer was taken")
        play.promise(agent.prompted == [], "nobody else was")
        play.promise(session.session_status == "ready_for_payment", "it goes on")

    play.step("Another agent gives the answer that the shop does not like.")
    with play.signed(answers=["For resale"]) as agent:
        ended = agent.post(SESSIONS, delivered("item_tent"))
        play.promise("answered" in agent.notices, "its answer was taken, too")
        play.promise(ended.session_status != "ready_for_payment", "and it cannot be paid")


SCENARIO = Scenario("aauth_question_rule", "a rule of the shop asks a signing agent", story)
