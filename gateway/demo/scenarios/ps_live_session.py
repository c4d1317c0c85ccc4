"""The shop is the person's server as well, and a page of their account is open: its banner tells them."""

from __future__ import annotations

from gateway.demo.answers import Answer
from gateway.demo.chromium import OpenPage
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import ALEX
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at
from gateway.demo.signed import SignedAgent


def story(play: Play) -> None:
    play.discover()
    with play.acting(ALEX) as agent:
        play.step(
            "Open a session that has to be confirmed. The person is at a page of their account; so the agent "
            "shows nothing, and asks their server, which is the shop, to bring them in."
        )
        with play.at_real_page(ALEX) as page:
            if page is not None:
                session = in_chromium(play, agent, page)
            else:
                play.happens("There is no Chromium here, or no Playwright: the demo's own browser does it.")
                session = in_own_browser(play, agent)
        play.promise(agent.prompted == [], "the agent itself sent nobody anywhere")
        play.promise({"reached", "interacting"} & set(agent.notices) != set(), "the person has come")
        done = agent.post(session_at(session.text("id"), "complete"), paying(session))
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


def in_own_browser(play: Play, agent: SignedAgent) -> Answer:
    with play.at_their_page(ALEX) as alex:

        def reads() -> None:
            page = play.goes_on(alex, play.hears_of(alex))
            agent.meanwhile.append(lambda: play.confirms(alex, page))

        agent.meanwhile.append(reads)
        return agent.post(SESSIONS, delivered("item_tablet"))


def in_chromium(play: Play, agent: SignedAgent, page: OpenPage) -> Answer:
    def reads() -> None:
        play.happens(f"Its banner says: {page.reads_banner()}")
        play.happens(f"Alex opens it, and reads: {page.follows_banner()}")
        play.happens(f"Alex goes on, and reads: {page.press('continue')}")
        if page.asks_for_code():
            play.happens(f"Alex compares the code, goes on, and reads: {page.press('continue')}")
        agent.meanwhile.append(approves)

    def approves() -> None:
        play.happens(f"Alex goes on to the wallet, and reads: {page.press('continue')}")
        play.happens(f"Alex approves there. Then they read: {page.press('approve')}")

    agent.meanwhile.append(reads)
    return agent.post(SESSIONS, delivered("item_tablet"))


SCENARIO = Scenario("ps_live_session", "an open page of the shop brings the person in", story)
