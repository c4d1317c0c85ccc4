"""The operator asks the agent before deciding about its purchase."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    with play.signed(answers=["For a **school**, one for each pupil."]) as agent:
        play.step("Open a session with more pens than anybody needs at home.")
        session = agent.post(SESSIONS, delivered("item_pens", quantity=5))
        play.promise(session.session_status == "ready_for_payment", "it is ready for payment")

        play.step("Complete it. The operator asks the agent first what it is for, and then says yes.")
        agent.meanwhile += [
            lambda: play.ask_agent(session.text("id"), "What are so many pens for?"),
            lambda: play.decide(session.text("id"), "approve"),
        ]
        done = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise("answered" in agent.notices, "the agent's answer was taken")
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("aauth_question_operator", "the operator asks a signing agent, then approves", story)
