"""The shop wants to know that the buyer agrees, and the agent shows its page, with a widget in it."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import CLOSED, open_shown, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_shown(play)
    path = session_at(session.text("id"))
    agreed = session.total()

    play.step("Nobody was there yet. To say that the buyer is done is a hint, and moves nothing.")
    claimed = play.post(path, CLOSED)
    play.promise(claimed.session_status == "authentication_required", "it still waits for the buyer")

    play.step("Show the buyer the page, in a frame or a web view, after a look at its address.")
    url = play.link(session)
    last = play.buyer_decides_in_frame(url, "approve")
    play.promise(last == "You have confirmed the purchase", "the shop's page says that it is confirmed")

    play.step("Ask the shop how it stands. It has asked the wallet's books, whatever anybody says.")
    ready = play.get(path)
    play.promise(ready.session_status == "ready_for_payment", "it is ready for payment")
    play.promise("intervention_context" not in ready.body, "nobody is asked any more")

    play.step("Complete: pay as for any other purchase.")
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.status == 200 and done.session_status == "completed", "the session is completed")
    play.promise(bool(done.order_id), "there is an order")
    play.promise(done.total() == agreed, "what was charged is the total the buyer agreed to")


SCENARIO = Scenario("webview", "the buyer confirms in a page that the agent shows", story)
