"""The only way to the person is gone before they came: their server says so, and the agent goes on."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import ALEX
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    with play.acting(ALEX) as agent:
        play.step(
            "Open a session that has to be confirmed. Their server says 202, because a page of theirs is "
            "open; then they sign out. It can do nothing more, says so, and the agent shows the page itself."
        )
        with play.at_their_page(ALEX) as alex:
            agent.meanwhile.append(lambda: play.signs_out(alex))
            agent.when_prompted = lambda url, code: agent.meanwhile.append(
                lambda: play.confirms_at(ALEX, agent.link(url, code), code)
            )
            session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise("relaying" in agent.notices, "the person server tried to bring the person in")
        play.promise("not_relayed" in agent.notices, "and said that it could not any more")
        play.promise(len(agent.prompted) == 1, "so the agent did")
        play.promise(session.session_status == "ready_for_payment", "the person has confirmed")


SCENARIO = Scenario("ps_channel_dies", "the way to the person is gone: the agent goes on", story)
