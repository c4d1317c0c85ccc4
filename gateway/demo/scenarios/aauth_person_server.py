"""The agent asks its person's own server first: it reaches them, so the agent shows nothing."""

from __future__ import annotations

from gateway.demo.person_server import REACHES, serving
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    play.step(
        "Open a session that has to be confirmed, as an agent whose person has a server of their own. The "
        "agent gives it the page and the code; the person gets both on their telephone, and goes there."
    )
    with serving(REACHES) as person, play.signed(person_server=person.origin) as agent:

        def arrives() -> None:
            shown = person.shown
            if shown is None:
                return
            page = play.buyer_arrives(agent.link(shown.url, shown.code), shown.code)
            person.has_come()
            agent.meanwhile.append(lambda: play.buyer_confirms(page, "approve"))

        agent.meanwhile.append(arrives)
        session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise(agent.prompted == [], "the agent itself sent nobody anywhere")
        play.promise("reached" in agent.notices, "the person server reached the person")
        play.promise(session.session_status == "ready_for_payment", "who has confirmed")


SCENARIO = Scenario("aauth_person_server", "the person's own server brings them in", story)
