"""Neither the person's server nor the agent can bring the person in, and that is the end."""

from __future__ import annotations

from gateway.aauth.agent import UserUnreachable
from gateway.demo.answers import BrokenPromise
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import SAM
from gateway.demo.shopping import SESSIONS, delivered


def story(play: Play) -> None:
    play.discover()
    with play.acting(SAM) as first, play.same_agent(first, shows=False) as agent:
        play.step(
            "The same agent at work at night, with no screen: it declares no `interaction` to the person's "
            "server. That has no way to them either, so it says `user_unreachable`, which nobody undoes."
        )
        try:
            agent.post(SESSIONS, delivered("item_tablet"))
        except UserUnreachable:
            play.promise(agent.prompted == [], "nobody was asked")
        else:
            raise BrokenPromise("the agent is told that nobody can reach its person")
        agent.withdraw()
        play.promise(agent.get_pending().status == 410, "the agent has taken its call back")


SCENARIO = Scenario("ps_unreachable", "nobody can reach the person: the end", story)
