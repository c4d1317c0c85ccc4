"""The item is known but gone; the buyer takes another."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, session_at


def story(play: Play) -> None:
    play.discover()

    play.step(
        "Ask for an item that is sold out. The agent gets a session all the same, and the reason in it."
    )
    session = play.post(SESSIONS, delivered("item_none"))
    play.promise(session.status == 201, "the session is created")
    play.promise("out_of_stock" in session.codes, "a message says that the item is out of stock")
    play.promise(session.session_status == "not_ready_for_payment", "it cannot be paid like this")

    play.step("Offer the buyer something else and replace the line in the same session.")
    session = play.post(session_at(session.text("id")), {"line_items": [{"id": "item_mug"}]})
    play.promise("out_of_stock" not in session.codes, "the message is gone")
    play.promise(session.session_status == "ready_for_payment", "it is ready for payment")


SCENARIO = Scenario("out_of_stock", "a sold-out item is a message, not an error", story)
