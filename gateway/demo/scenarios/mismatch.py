"""The shop wants a code, and the agent has no way to ask its user for one."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()

    play.step("Open a checkout session as an agent that has not declared one-time codes.")
    session = play.post(SESSIONS, delivered("item_sneakers"))
    play.promise(session.status == 201, "the session is created all the same")
    play.promise("intervention_required" in session.codes, "a message says what would be needed")
    play.promise(session.session_status == "not_ready_for_payment", "it cannot be paid like this")
    play.promise("intervention_context" not in session.body, "no code is sent that nobody could pass on")

    play.step("Try to pay all the same.")
    unpaid = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise("intervention_required" in unpaid.codes, "the answer says the same again")
    play.promise(unpaid.session_status != "completed" and not unpaid.order_id, "nothing is charged")


SCENARIO = Scenario("mismatch", "an agent that cannot ask for a code learns so at once", story)
