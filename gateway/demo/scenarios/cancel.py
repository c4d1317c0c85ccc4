"""The buyer changes their mind."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import open_ready, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_ready(play, "item_mug")
    path = session_at(session.text("id"), "cancel")

    play.step("The buyer does not want it after all: cancel.")
    canceled = play.post(path)
    play.promise(canceled.status == 200, "canceling works")
    play.promise(canceled.session_status == "canceled", "the session is canceled, nothing will be charged")

    play.step("Cancel once more, as a new request: there is nothing left to cancel.")
    again = play.post(path)
    play.promise(again.status == 405, "a canceled session takes no changes: 405")
    play.promise(again.headers.get("Allow") == "GET", "it can only be looked at")


SCENARIO = Scenario("cancel", "a session is canceled once and stays canceled", story)
