"""The person's own server cannot reach them, and says so (424): the agent shows the page itself."""

from __future__ import annotations

from gateway.demo.person_server import CANNOT, serving
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a session that has to be confirmed. The person's own server has no way to them at this moment, "
        "and answers 424; so the agent shows the page and the code, as without it."
    )
    with serving(CANNOT) as person, play.signed(person_server=person.origin) as agent:
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.buyer_confirms(play.buyer_arrives(agent.link(url, code), code), "approve")
        )
        session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise("not_relayed" in agent.notices, "the person server did not bring the person in")
        play.promise(len(agent.prompted) == 1, "so the agent did")
        play.promise(session.session_status == "ready_for_payment", "the person has confirmed")


SCENARIO = Scenario("aauth_person_server_unable", "the person's own server cannot reach them", story)
