"""The agent takes its call back while it waits: the person finds nothing to confirm any more."""

from __future__ import annotations

from gateway.aauth.agent import Withdrawn
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step("Open a session that has to be confirmed. The person changes their mind and tells the agent.")
    with play.signed() as agent:
        agent.when_prompted = lambda url, code: agent.meanwhile.append(agent.withdraw)
        try:
            agent.post(SESSIONS, delivered("item_tablet"))
            withdrawn = False
        except Withdrawn:
            withdrawn = True
        play.promise(withdrawn, "the call was taken back")

        play.step("The person opens the link all the same, late.")
        url, code = agent.prompted[0]
        heading = play.buyer_sees(agent.link(url, code))
        play.promise(heading != "Compare the code", "there is nothing to confirm any more")

        play.step("And the pending address answers nothing else any more.")
        again = agent.get_pending()
        play.promise(again.status == 410, "it is gone")


SCENARIO = Scenario("aauth_cancel", "a signing agent takes its call back while it waits", story)
