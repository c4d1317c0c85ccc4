"""The shop is the person's server as well, and has no way to them now: the agent shows the link."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import SAM
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    with play.acting(SAM) as agent:
        play.step(
            "Open a session that has to be confirmed. No page of the person's is open and no device of "
            "theirs known, so their server says 424, and the agent shows the page itself; in a terminal as a "
            "square."
        )
        agent.draws = True
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.confirms_at(SAM, agent.link(url, code), code)
        )
        session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise("not_relayed" in agent.notices, "the person server did not bring the person in")
        play.promise(len(agent.prompted) == 1, "so the agent did")
        play.promise(session.session_status == "ready_for_payment", "the person has confirmed")


SCENARIO = Scenario("ps_no_channel", "no way to the person: the agent shows the link", story)
