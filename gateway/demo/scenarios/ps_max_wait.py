"""The person is at a page, and does not react: their server tries for as long as the agent said."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import ALEX
from gateway.demo.shopping import SESSIONS, delivered

SECONDS = 1


def story(play: Play) -> None:
    play.discover()
    with play.acting(ALEX, relay_seconds=SECONDS) as agent:
        play.step(
            f"Open a session that has to be confirmed. The person's server is given {SECONDS} second "
            "(max_wait); the banner is there, and nobody presses it. Then the agent shows the page itself."
        )
        with play.at_their_page(ALEX):
            agent.when_prompted = lambda url, code: agent.meanwhile.append(
                lambda: play.confirms_at(ALEX, agent.link(url, code), code)
            )
            session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise("relaying" in agent.notices, "the person server tried to bring the person in")
        play.promise("reached" not in agent.notices, "and did not reach them")
        play.promise(len(agent.prompted) == 1, "so the agent showed the page, once")
        play.promise(session.session_status == "ready_for_payment", "the person has confirmed")


SCENARIO = Scenario("ps_max_wait", "the person does not react in the time the agent gave", story)
