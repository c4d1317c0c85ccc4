"""An agent wants to see its person's account: they ask it why, and allow it. The whole way, step by step."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import SAM

WHY = "Why do you need to see my account?"
ANSWER = "This agent only requests access to fulfill the current task and uses the minimum required scope."


def story(play: Play) -> None:
    play.discover()
    with play.acting(SAM, answers=[ANSWER]) as agent:
        play.step(
            "Ask for the account. The shop wants what the person allows (401), and writes down what for; the "
            "agent takes that to their server, which asks them. On its page they first ask the agent why."
        )

        def arrives(url: str, code: str) -> None:
            agent.meanwhile.append(lambda: play.asks_agent(SAM, agent.link(url, code), code, WHY))
            agent.meanwhile.append(lambda: play.allows_there(SAM, url))

        agent.when_prompted = arrives
        account = agent.get(play.account_address)
        play.promise("answered" in agent.notices, "the person asked, and the agent answered")
        play.promise(account.status == 200, "the agent came again with the token, and saw the account")
        play.step("Ask once more: the token is kept until it ends, and nobody is asked again.")
        agent.when_prompted = lambda url, code: None
        asked = len(agent.prompted)
        play.promise(agent.get(play.account_address).status == 200, "the account is open")
        play.promise(len(agent.prompted) == asked, "the person was not asked")


SCENARIO = Scenario("ps_authorization", "the agent is asked why, then allowed to see the account", story)
