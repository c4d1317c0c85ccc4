"""The plain purchase, from knowing nothing to an order."""

from __future__ import annotations

from gateway.demo.answers import Answer, BrokenPromise
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import ADDRESS, BUYER, SESSIONS, paying, session_at, wanting


def story(play: Play) -> None:
    play.discover()

    play.step("Open a checkout session with two mugs. No address yet: the merchant says what is missing.")
    session = play.post(SESSIONS, wanting("item_mug", quantity=2))
    play.promise(session.status == 201, "the session is created")
    play.promise("missing" in session.codes, "a message names what is missing")
    play.promise(session.session_status == "not_ready_for_payment", "it cannot be paid yet")
    path = session_at(session.text("id"))

    play.step("Send the buyer and the address. The merchant answers with delivery options and the tax.")
    session = play.post(path, {"buyer": BUYER, "fulfillment_details": {"address": ADDRESS}})
    play.promise(session.status == 200, "the session is updated")
    play.promise(bool(session.objects("selected_fulfillment_options")), "a delivery option is preselected")
    play.promise(bool(session.total("tax")), "the tax is known")
    play.promise(session.session_status == "ready_for_payment", "it is ready for payment")

    play.step("The buyer is in a hurry: choose express delivery. Only the merchant computes the new total.")
    before, express = session.total(), _express(session)
    session = play.post(path, {"selected_fulfillment_options": [express]})
    selected = [entry.get("option_id") for entry in session.objects("selected_fulfillment_options")]
    play.promise(selected == [express["option_id"]], "express is selected")
    play.promise(_more(before, session.total()), "the total has changed with it")
    agreed = session.total()

    play.step("Complete: pay with a one-time token. No card number ever reaches the agent or the merchant.")
    done = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise(done.status == 200 and done.session_status == "completed", "the session is completed")
    play.promise(bool(done.order_id), "there is an order")
    play.promise(done.text("order", "permalink_url").startswith("http"), "the buyer has a page of the order")
    play.promise(done.total() == agreed, "what was charged is the total that was shown")

    play.step("Look again later: the session stays as it ended.")
    later = play.get(path)
    play.promise(
        later.session_status == "completed" and later.order_id == done.order_id, "the order is still there"
    )


def _express(session: Answer) -> dict[str, object]:
    for option in session.objects("fulfillment_options"):
        if "express" in f"{option.get('id')} {option.get('title')}".lower():
            items = [
                str(line["product_id"]) for line in session.objects("line_items") if "product_id" in line
            ]
            return {"type": option.get("type"), "option_id": option.get("id"), "item_ids": items}
    raise BrokenPromise("express delivery is offered")


def _more(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after > before


SCENARIO = Scenario("purchase", "an agent buys two mugs", story)
