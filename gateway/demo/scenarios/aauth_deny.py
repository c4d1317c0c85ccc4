"""The person says no: the call ends as denied, and nothing is charged."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step("Open a session that has to be confirmed. The person goes there, and says no.")
    with play.signed() as agent:
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.buyer_confirms(play.buyer_arrives(agent.link(url, code), code), "deny")
        )
        ended = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise(ended.status == 403, "the call ends")
        play.promise(ended.text("error") == "denied", "as denied")

        play.step("Ask there once more: what was told is not told twice.")
        again = agent.get_pending()
        play.promise(again.status == 410, "it is gone")


SCENARIO = Scenario("aauth_deny", "the person of a signing agent says no", story)
