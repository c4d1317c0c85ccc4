"""The agent asks its person something: their server brings them the question, and the answer back."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopper import ALEX

QUESTION = "The lamp is there in **red** and in **blue**. Which one?"
ANSWER = "The blue one, please."


def story(play: Play) -> None:
    play.discover()
    with play.acting(ALEX) as agent:
        play.step(
            "Ask the person which one they want. They are at a page of their account, whose banner leads "
            "them to the question; their answer comes back with the next poll."
        )
        with play.at_their_page(ALEX) as alex:
            agent.meanwhile.append(lambda: play.replies(alex, play.hears_of(alex), ANSWER))
            said = agent.ask_person(QUESTION)
        play.happens(f"The agent is told: {said}")
        play.promise(said == ANSWER, "the agent has the person's own words")


SCENARIO = Scenario("ps_question", "the agent asks its person a question", story)
