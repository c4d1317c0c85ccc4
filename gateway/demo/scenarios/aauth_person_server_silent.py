"""The person's own server tries for ever: the agent waits for as long as it said, and goes on by itself."""

from __future__ import annotations

from gateway.demo.person_server import SILENT, serving
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered

SECONDS = 6


def story(play: Play) -> None:
    play.discover()
    play.step(
        f"Open a session that has to be confirmed. The person's own server is given {SECONDS} s, and only "
        "says that it tries. When they are over, the agent takes that back and shows the page itself."
    )
    with (
        serving(SILENT) as person,
        play.signed(person_server=person.origin, relay_seconds=SECONDS) as agent,
    ):
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.buyer_confirms(play.buyer_arrives(agent.link(url, code), code), "approve")
        )
        session = agent.post(SESSIONS, delivered("item_tablet"))
        relay = person.shown
        play.promise(relay is not None and relay.withdrawn, "the person server was told to stop")
        play.promise(len(agent.prompted) == 1, "the person was asked once")
        play.promise(session.session_status == "ready_for_payment", "and has confirmed")


SCENARIO = Scenario("aauth_person_server_silent", "the person's own server never gets to them", story)
