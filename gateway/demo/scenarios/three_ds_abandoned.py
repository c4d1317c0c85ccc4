"""The buyer leaves their bank without an answer, and the agent cancels."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import bringing, open_asked_by_bank, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_asked_by_bank(play)
    path = session_at(session.text("id"))

    play.step("Run 3-D Secure. The buyer closes the bank's app without an answer.")
    result = play.run_3ds(session, "leave")
    told = play.post(session_at(session.text("id"), "complete"), bringing(session, result))
    play.promise(told.session_status == "authentication_required", "the payment still waits for the buyer")
    play.promise(not told.order_id, "nothing is charged")

    play.step("Nobody comes back. The agent cancels, and nothing can come of the payment any more.")
    ended = play.post(session_at(session.text("id"), "cancel"))
    play.promise(ended.session_status == "canceled", "the session is canceled")
    play.promise("authentication_metadata" not in ended.body, "nobody is asked any more")
    late = play.run_3ds(session, "approve")
    refused = play.post(session_at(session.text("id"), "complete"), bringing(session, late))
    play.promise(refused.status == 405, "a yes that comes now pays for nothing")
    play.promise(play.get(path).session_status == "canceled", "it stays canceled")


SCENARIO = Scenario(
    "three_ds_abandoned", "the buyer leaves their bank without an answer, and the agent cancels", story
)
