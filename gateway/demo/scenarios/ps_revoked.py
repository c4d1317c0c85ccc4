"""The person revokes their agent: what it was given counts no more."""

from __future__ import annotations

from gateway.aauth.agent import NotGranted
from gateway.demo.answers import BrokenPromise
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import SAM


def story(play: Play) -> None:
    play.discover()
    with play.acting(SAM) as agent:
        play.step("Ask for the account, which the person allows.")
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.allows(SAM, agent.link(url, code), code)
        )
        play.promise(agent.get(play.account_address).status == 200, "the account is open")
        play.step(
            "The person revokes the agent in their account. Then it comes again with the token that it has: "
            "that counts no more. Their server asks them anew, and they say no."
        )
        play.revokes(SAM)
        agent.when_prompted = lambda url, code: agent.meanwhile.append(
            lambda: play.allows(SAM, agent.link(url, code), code, answer="stop")
        )
        try:
            agent.get(play.account_address)
        except NotGranted as refusal:
            play.promise(
                refusal.error == "denied", "the account stays closed, and the agent is given nothing"
            )
        else:
            raise BrokenPromise("the account is closed to an agent that was revoked")


SCENARIO = Scenario("ps_revoked", "the person revokes their agent", story)
