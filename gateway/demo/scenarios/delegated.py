"""The agent hands the buyer's card to the merchant's vault, and pays with the token it gets for it."""

from __future__ import annotations

from gateway.demo.answers import BrokenPromise
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import delegating, open_ready, paying, session_at

VAULT = "/agentic_commerce/delegate_payment"


def story(play: Play) -> None:
    found = play.discover()
    services = found.body.get("capabilities", {}).get("services", [])
    play.promise("delegate_payment" in services, "the merchant has a vault that takes cards")
    session = open_ready(play, "item_keyboard")
    path = session_at(session.text("id"), "complete")
    total = session.total()
    if total is None:
        raise BrokenPromise("the session has a total")

    play.step("Hand over the card for a token, and allow too little.")
    little = play.post(VAULT, delegating(session, at_most=total - 1))
    play.promise(little.status == 201, "there is a token for it")
    refused = play.post(path, paying(session, little.text("id")))
    play.promise("payment_declined" in refused.codes, "it does not pay for more than was allowed")
    play.promise(not refused.order_id, "there is no order")

    play.step("Allow the total, and no more. The card goes to the vault; the token is all that is left.")
    sending = play.writing(VAULT, delegating(session, at_most=total))
    stored = play.send(sending)
    play.promise(play.send(sending).raw == stored.raw, "a repeat of the request gets the same token")

    play.step("Pay with the token.")
    done = play.post(path, paying(refused, stored.text("id")))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")

    other = open_ready(play, "item_mug")
    play.step("Try the token once more, for another session. It was for one payment.")
    again = play.post(session_at(other.text("id"), "complete"), paying(other, stored.text("id")))
    play.promise("payment_declined" in again.codes, "it pays for nothing else")


SCENARIO = Scenario("delegated", "the agent hands over a card and pays with the token it gets", story)
