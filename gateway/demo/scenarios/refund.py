"""A part of the money goes back; the agent's platform hears of it, and the total stays."""

from __future__ import annotations

from gateway.demo.answers import amount_of, objects_in
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    play.step("Buy a mug, with a receiver for what becomes of the order.")
    session = play.post(SESSIONS, delivered("item_mug"))
    play.promise(session.status == 201, "the session is created")
    path = session_at(session.text("id"), "complete")
    play.promise(session.session_status == "ready_for_payment", "it is ready for payment")
    with play.receiving() as receiver:
        done = play.post(path, paying(session))
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")

        play.step("The buyer complains, and the merchant gives something back.")
        play.refunds(done.order_id, "5.00", "The handle is chipped")
        event = receiver.event(
            done.order_id, when=lambda order: amount_of(order, "amount_refunded") is not None
        )
        play.promise(event is not None, "an event says that money went back")
        assert event is not None
        order = event.body["data"]
        for change in objects_in(order, "adjustments"):
            told = ", ".join(str(change.get(name)) for name in ("type", "status", "amount"))
            play.happens(f"Event {event.id}: {told}")
            play.promise(told == "refund, completed, 500", "the refund is completed")
        play.promise(amount_of(order, "amount_refunded") == 500, "the order says how much went back")
        play.promise(amount_of(order, "total") == session.total(), "the total is what was charged")


SCENARIO = Scenario("refund", "money goes back, and the agent's platform hears of it", story)
