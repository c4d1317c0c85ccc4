"""The shop's rule asks the agent before anybody else: one answer goes on, another ends it."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    with play.signed(answers=["For the buyer"]) as agent:
        play.step("Open a session with a tent, as an agent that answers questions, and complete it.")
        session = agent.post(SESSIONS, delivered("item_tent"))
        play.promise(session.session_status == "ready_for_payment", "it is ready for payment")
        play.step("The shop has a rule for tents, and asks the agent what it is for.")
        done = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise("answered" in agent.notices, "the agent was asked, and its answer was taken")
        play.promise(agent.prompted == [], "nobody else was asked")
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")

    with play.signed(answers=["For resale"]) as agent:
        play.step("Another agent gives the answer that the shop does not like.")
        session = agent.post(SESSIONS, delivered("item_tent"))
        ended = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise("answered" in agent.notices, "its answer was taken, too")
        play.promise(not ended.order_id, "and there is no order")


SCENARIO = Scenario("aauth_question_rule", "a rule of the shop asks a signing agent", story)
