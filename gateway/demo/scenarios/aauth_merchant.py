"""A call waits for the merchant, who approves: the agent completes once, and gets the order."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    with play.signed() as agent:
        play.step("Open a session with more pens than anybody needs at home.")
        session = agent.post(SESSIONS, delivered("item_pens", quantity=5))
        play.promise(session.session_status == "ready_for_payment", "it is ready for payment")

        play.step(
            "Complete it. The shop wants to look at such purchases first: the call waits, and sends nobody "
            "anywhere. The operator approves."
        )
        agent.meanwhile.append(lambda: play.decide(session.text("id"), "approve"))
        done = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise("approval" in agent.notices, "the agent was told that the merchant looks at it")
        play.promise(agent.prompted == [], "nobody was sent to a page")
        play.promise(done.status == 200, "the one call is answered in the end")
        play.promise(done.session_status == "completed" and bool(done.order_id), "by the order")


SCENARIO = Scenario("aauth_merchant", "a signing agent completes once, and the merchant approves", story)
