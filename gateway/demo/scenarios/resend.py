"""The buyer is impatient and wants another code at once."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import new_buyer, open_asked, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_asked(play, new_buyer(), "item_sneakers")

    play.step("Ask for another code at once. Nobody's mailbox may be filled that way.")
    soon = play.post(
        session_at(session.text("id")), {"intervention_response": {"type": "otp", "resend": True}}
    )
    play.promise(soon.status == 200, "that is an answer about the session, not an HTTP error")
    play.promise("rate_limited" in soon.codes, "a message says that it is too soon")
    play.promise(soon.session_status == "authentication_required", "the session still waits for the buyer")
    asked = session.body.get("intervention_context")
    play.promise(soon.body.get("intervention_context") == asked, "the code that was sent is still good")

    play.step("The buyer has had enough: cancel. The code in the mail opens nothing any more.")
    canceled = play.post(session_at(session.text("id"), "cancel"))
    play.promise(canceled.session_status == "canceled", "the session is canceled")
    play.promise("intervention_context" not in canceled.body, "nobody is asked any more")


SCENARIO = Scenario("resend", "another code can be asked for, but not at once", story)
