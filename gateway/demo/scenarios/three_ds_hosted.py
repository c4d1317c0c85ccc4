"""The buyer's bank confirms a payment at a page, for an agent that cannot run 3-D Secure."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import (
    ADDRESS,
    ASKING_TOKEN,
    BUYER,
    REDIRECT_AGENT,
    SESSIONS,
    paying,
    session_at,
    wanting,
)


def story(play: Play) -> None:
    play.discover()
    play.step("Open a checkout session, and declare that the buyer can be sent to a page.")
    details = {"address": ADDRESS}
    body = wanting("item_keyboard", buyer=BUYER, fulfillment_details=details, capabilities=REDIRECT_AGENT)
    session = play.post(SESSIONS, body)
    path = session_at(session.text("id"))
    play.promise(session.session_status == "ready_for_payment", "the shop itself asks for nothing")

    play.step("Pay with a card whose bank wants to ask the buyer first.")
    asked = play.post(session_at(session.text("id"), "complete"), paying(session, ASKING_TOKEN))
    play.promise(asked.session_status == "authentication_required", "the payment waits for the buyer")
    kind = asked.text("intervention_context", "intervention_type")
    play.promise(kind == "redirect", "the agent can do what is asked: send the buyer to a page")
    play.promise("authentication_metadata" not in asked.body, "there is nothing for it to run")

    play.step("Send the buyer there. The agent looks at the address first, and says that it opens a page.")
    last = play.buyer_decides(play.link(asked), "approve")
    play.promise(last == "You have confirmed the purchase", "the shop's page says that it is confirmed")

    play.step("Ask the shop how it stands. It went on with the payment by itself.")
    done = play.get(path)
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")
    play.promise(done.total() == session.total(), "what was charged is the total that was confirmed")


SCENARIO = Scenario("three_ds_hosted", "the buyer's bank confirms a payment, at a page of its own", story)
