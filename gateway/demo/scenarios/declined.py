"""The first token is declined; the buyer has another."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import DECLINED_TOKEN, open_ready, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_ready(play, "item_keyboard")
    path = session_at(session.text("id"), "complete")

    play.step("Pay with a token that the payment provider declines.")
    refused = play.post(path, paying(session, DECLINED_TOKEN))
    play.promise(refused.status == 200, "that is an answer about the session, not an HTTP error")
    play.promise("payment_declined" in refused.codes, "a message says that the payment was declined")
    play.promise(not refused.order_id, "there is no order")
    play.promise(refused.session_status == "ready_for_payment", "the session can still be paid")

    play.step("Pay again with another token: a new request, so a new idempotency key.")
    done = play.post(path, paying(refused))
    play.promise(
        done.session_status == "completed" and bool(done.order_id), "now it is completed, with an order"
    )


SCENARIO = Scenario("declined", "a declined payment leaves the session open for another try", story)
