"""The order is sent and arrives; the agent's platform hears of both, with the parcel's tracking."""

from __future__ import annotations

from gateway.demo.answers import objects_in
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at

TRACKING = "https://tracking.example/00340434161094042557"


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

        # An event tells of the order as it is when it is sent: what is told first is waited for.
        play.promise(receiver.event(done.order_id) is not None, "an event says that there is an order")

        play.step("The merchant sends it.")
        play.sends(done.order_id, carrier="Demo Parcel", tracking_url=TRACKING)
        event = receiver.event(done.order_id, when=lambda order: order.get("status") == "shipped")
        play.promise(event is not None, "an event says that the order is shipped")
        assert event is not None
        order = event.body["data"]
        play.happens(f"Event {event.id}: {event.body.get('type')}, {order['status']}")
        play.promise(event.body.get("type") == "order_update", "it is an update, with the whole order")
        followed = [parcel.get("tracking_url") for parcel in objects_in(order, "fulfillments")]
        play.promise(followed == [TRACKING], "it says where the buyer can follow the parcel")
        left = [line.get("status") for line in objects_in(order, "line_items")]
        play.promise(left == ["fulfilled"], "every piece has left")

        play.step("It arrives.")
        play.delivers(done.order_id)
        event = receiver.event(done.order_id, when=lambda order: order.get("status") == "completed")
        play.promise(event is not None, "an event says that the order is completed")
        assert event is not None
        parcels = objects_in(event.body["data"], "fulfillments")
        happened = [str(entry.get("type")) for parcel in parcels for entry in objects_in(parcel, "events")]
        play.happens(f"Event {event.id}: {' -> '.join(happened)}")
        play.promise(happened == ["shipped", "delivered"], "nothing that happened was taken back")


SCENARIO = Scenario("shipment", "the order is sent and arrives, and the agent's platform hears of it", story)
