"""The buyer comes back too late: the code is worth nothing, and another one is sent."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import new_buyer, open_asked, paying, session_at, telling


def story(play: Play) -> None:
    play.discover()
    buyer = new_buyer()
    session = open_asked(play, buyer, "item_sneakers")
    path = session_at(session.text("id"))
    first = session.text("intervention_context", "expires_at")
    code = play.read_code(buyer["email"])

    play.step(
        f"The code is good until {first}, and the buyer is at lunch. To spare you the wait, the shop's "
        "operator ends it now, by hand in the admin: to the agent it looks the same."
    )
    play.end_code(session.text("id"))
    seen = play.get(path)
    play.promise("intervention_context" not in seen.body, "nobody is asked any more")
    play.promise("expired" in seen.codes, "a message says that the code has expired")
    play.promise(seen.session_status == "not_ready_for_payment", "it cannot be paid")

    play.step("The buyer comes back with the old code. It is too late for it, and no wrong guess either.")
    late = play.post(path, telling(code))
    play.promise(late.status == 200, "that is an answer about the session, not an HTTP error")
    play.promise("expired" in late.codes, "a message says that it came too late")
    play.promise(late.session_status == "authentication_required", "the buyer is asked anew")
    play.promise("intervention_context" in late.body, "a fresh code is on its way")

    play.step("Pass on the fresh one, and pay.")
    ready = play.post(path, telling(play.read_code(buyer["email"], mails=2)))
    play.promise(ready.session_status == "ready_for_payment", "it is ready for payment")
    play.forget_code()
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("expired", "a code that came too late is replaced by a fresh one", story)
