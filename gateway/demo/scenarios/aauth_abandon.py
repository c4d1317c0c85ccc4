"""The person comes to the page and wanders off: the call ends as abandoned."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a session that has to be confirmed. The person goes to the page, and to lunch. The call would "
        "wait for a quarter of an hour; to spare you that, the shop's operator ends it by hand."
    )
    with play.signed() as agent:

        def person(url: str, code: str) -> None:
            agent.meanwhile.append(lambda: play.buyer_arrives(agent.link(url, code), code))
            agent.meanwhile.append(lambda: play.expire_call(agent.session))

        agent.when_prompted = person
        ended = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise("interacting" in agent.notices, "the agent was told that the person had come")
        play.promise(ended.status == 403, "the call ends")
        play.promise(ended.text("error") == "abandoned", "as abandoned")


SCENARIO = Scenario("aauth_abandon", "the person of a signing agent comes, and leaves unfinished", story)
