"""The shop wants to know that the buyer agrees: a code goes to their mailbox."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import new_buyer, open_asked, paying, session_at, telling


def story(play: Play) -> None:
    play.discover()
    buyer = new_buyer()
    session = open_asked(play, buyer, "item_sneakers")
    path = session_at(session.text("id"))
    agreed = session.total()

    play.step("Try to pay without the code: the shop insists.")
    refused = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise(refused.status == 400, "paying before the answer is a 400")
    play.promise(refused.body.get("code") == "intervention_required", "the code of the error says why")

    play.step("Pass on what the buyer read. It is good for this purchase at this amount, once.")
    ready = play.post(path, telling(play.read_code(buyer["email"])))
    play.promise(ready.status == 200, "the answer is taken")
    play.promise("intervention_context" not in ready.body, "nobody is asked any more")
    play.promise(ready.session_status == "ready_for_payment", "it is ready for payment")
    play.forget_code()

    play.step("Complete: pay as for any other purchase.")
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.status == 200 and done.session_status == "completed", "the session is completed")
    play.promise(bool(done.order_id), "there is an order")
    play.promise(done.total() == agreed, "what was charged is the total the buyer agreed to")


SCENARIO = Scenario("one_time_code", "the buyer confirms a purchase with a code from their mail", story)
