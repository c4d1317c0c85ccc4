"""Ten requests try to pay for the same session at the same moment."""

from __future__ import annotations

import time

from gateway.demo.answers import Answer
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import open_ready, paying, session_at

RUNNERS = 10
LOOKS = 5
PAUSE_SECONDS = 1.0

TOO_LATE = (405, 409)


def story(play: Play) -> None:
    play.discover()
    session = open_ready(play, "item_speaker")
    path = session_at(session.text("id"), "complete")

    play.step(f"Pay {RUNNERS} times at once, each with an idempotency key of its own. Only one may win.")
    answers = play.at_once([play.writing(path, paying(session)) for _ in range(RUNNERS)])
    won = [answer for answer in answers if answer.order_id]
    lost = [answer for answer in answers if answer not in won]
    play.promise(all(answer.status in TOO_LATE for answer in lost), "everybody else is told: too late")
    play.promise(len(won) == 1, "exactly one request paid")

    play.step("Look at the session: it has the winner's order.")
    later = _settled(play, session)
    play.promise(later.session_status == "completed", "the session is completed")
    play.promise(later.order_id == won[0].order_id, "there is one order, and it is the winner's")


def _settled(play: Play, session: Answer) -> Answer:
    """The session once it is not being completed any more, or as it is after a few looks."""
    seen = play.get(session_at(session.text("id")))
    for _ in range(LOOKS):
        if seen.session_status != "complete_in_progress":
            break
        time.sleep(PAUSE_SECONDS)
        seen = play.get(session_at(session.text("id")))
    return seen


SCENARIO = Scenario("race", "ten payments at once make one order", story)
