"""Nobody comes: the call ends as expired, and the agent may start afresh."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, session_at


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a session that has to be confirmed. Nobody goes there. The call would wait for a quarter of an "
        "hour; to spare you that, the shop's operator ends it by hand."
    )
    with play.signed() as agent:
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.expire_call(agent.session)
        )
        ended = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise(ended.status == 408, "the call ends")
        play.promise(ended.text("error") == "expired", "as expired, and may be made anew")

        play.step("Start afresh: an update asks again, with another code. This time the person is there.")
        first = agent.prompted[0]
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.buyer_confirms(play.buyer_arrives(agent.link(url, code), code), "approve")
        )
        session = agent.post(session_at(agent.session), {})
        play.promise(agent.prompted[1][1] != first[1], "the code is another one")
        play.promise(session.session_status == "ready_for_payment", "it can be paid")


SCENARIO = Scenario("aauth_expire", "a signing agent's call runs out of time, and is made anew", story)
