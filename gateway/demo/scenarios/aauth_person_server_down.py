"""Nobody answers at the person's own server: the agent shows the page itself."""

from __future__ import annotations

from gateway.demo.person_server import REACHES, serving
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step("Open a session that has to be confirmed. The person's own server is down.")
    with serving(REACHES) as person:
        address = person.origin
    with play.signed(person_server=address) as agent:
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.buyer_confirms(play.buyer_arrives(agent.link(url, code), code), "approve")
        )
        session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise("not_relayed" in agent.notices, "the person server did not bring the person in")
        play.promise(len(agent.prompted) == 1, "so the agent did")
        play.promise(session.session_status == "ready_for_payment", "the person has confirmed")


SCENARIO = Scenario("aauth_person_server_down", "the person's own server is down", story)
