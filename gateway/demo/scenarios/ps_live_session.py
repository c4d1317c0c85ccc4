"""The shop is the person's server as well, and a page of their account is open: its banner tells them."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import ALEX
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    with play.acting(ALEX) as agent:
        play.step(
            "Open a session that has to be confirmed. The person is at a page of their account; so the agent "
            "shows nothing, and asks their server, which is the shop, to bring them in."
        )
        with play.at_their_page(ALEX) as alex:

            def reads() -> None:
                page = play.goes_on(alex, play.hears_of(alex))
                agent.meanwhile.append(lambda: play.confirms(alex, page))

            agent.meanwhile.append(reads)
            session = agent.post(SESSIONS, delivered("item_tablet"))
        play.promise(agent.prompted == [], "the agent itself sent nobody anywhere")
        play.promise("reached" in agent.notices, "the person server reached the person")
        done = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("ps_live_session", "an open page of the shop brings the person in", story)
