"""A call of an agent with an identity waits for its person, who confirms; the agent polls and pays."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a checkout session as an agent that signs its requests and brings no key. The shop wants "
        "tablets to be confirmed, so the call waits: 202, a page, and a code. The agent polls."
    )
    with play.signed() as agent:
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.buyer_confirms(play.buyer_arrives(agent.link(url, code), code), "approve")
        )
        session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise(len(agent.prompted) == 1, "the person was asked once")
        play.promise(session.status == 200, "the call is answered in the end")
        play.promise(session.session_status == "ready_for_payment", "by the session, which can be paid")

        play.step("Pay. Nothing is left to ask, so that is answered at once.")
        done = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("aauth_approve", "a signing agent's call waits until its person has confirmed", story)
