"""The merchant tells the agent's platform of an order, signed; the platform verifies for itself."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    play.step("Open a session with a mug.")
    session = play.post(SESSIONS, delivered("item_mug"))
    play.promise(session.status == 201, "the session is created")
    path = session_at(session.text("id"), "complete")
    play.promise(session.session_status == "ready_for_payment", "it is ready for payment")

    play.step(
        "The platform opens a receiver. The operator registers it in the admin and passes on its secret."
    )
    with play.receiving() as receiver:
        play.step("Complete the purchase.")
        done = play.post(path, paying(session))
        play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")

        play.step("Wait for the event. What is not signed with the secret, now, was never heard.")
        event = receiver.event(done.order_id)
        play.promise(event is not None, "an event of this order arrived, and its signature holds")
        assert event is not None
        play.happens(f"Event {event.id}: {event.body.get('type')}")
        data = event.body.get("data")
        play.promise(event.body.get("type") == "order_create", "it says that the order was created")
        play.promise(bool(event.id), "it has an id, by which a repeated one is known")
        play.promise(data == done.body.get("order"), "it holds the whole order, as the agent saw it")


SCENARIO = Scenario("webhook", "the agent's platform is told of an order, and verifies who says so", story)
