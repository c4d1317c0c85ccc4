"""The same for an agent that takes no questions: the person is offered none to ask, and decides."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import SAM


def story(play: Play) -> None:
    play.discover()
    with play.acting(SAM) as agent:
        play.step("Ask for the account, as an agent that did not declare that it answers questions.")

        def decides(url: str, code: str) -> None:
            page = play.arrives(SAM, agent.link(url, code), code)
            play.promise(not play.can_ask(SAM, url), "nothing there offers to ask the agent")
            play.decides(SAM, page, "allow")

        agent.when_prompted = lambda url, code: agent.meanwhile.append(lambda: decides(url, code))
        account = agent.get(play.account_address)
        play.promise("asked" not in agent.notices, "the agent was asked nothing")
        play.promise(account.status == 200, "the agent came again with the token, and saw the account")


SCENARIO = Scenario("ps_authorization_no_questions", "an agent that takes no questions is asked none", story)
