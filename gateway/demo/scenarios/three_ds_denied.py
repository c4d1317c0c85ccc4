"""The buyer's bank does not confirm the payment; another card works."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import REFUSING_TOKEN, bringing, open_asked_by_bank, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_asked_by_bank(play, REFUSING_TOKEN)
    path = session_at(session.text("id"), "complete")

    play.step("Run 3-D Secure. The buyer agrees, and their bank does not.")
    result = play.run_3ds(session, "approve")
    play.promise(result.get("outcome") == "denied", "the bank says no")

    play.step("Tell the shop all the same: it waits for an answer, whatever it is.")
    refused = play.post(path, bringing(session, result, REFUSING_TOKEN))
    play.promise(refused.status == 200, "that is an answer about the session, not an HTTP error")
    play.promise("payment_declined" in refused.codes, "a message says that the payment was declined")
    play.promise(refused.session_status == "ready_for_payment", "the session can still be paid")

    play.step("The buyer has another card. Its bank is asked as well, and agrees.")
    again = play.post(path, paying(refused))
    done = play.post(path, bringing(again, play.run_3ds(again, "approve")))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("three_ds_denied", "the buyer's bank says no, and another card works", story)
