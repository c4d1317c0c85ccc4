"""The price goes up between the last look and the payment."""

from __future__ import annotations

from gateway.demo.answers import Answer
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import open_ready, paying, session_at

ITEM = "item_sofa"


def story(play: Play) -> None:
    play.discover()
    session = open_ready(play, ITEM)

    play.step("While the buyer thinks about it, the shop's operator raises the price, in the admin.")
    with play.dearer(ITEM):
        _pay(play, session)


def _pay(play: Play, session: Answer) -> None:
    path = session_at(session.text("id"), "complete")
    agreed = session.total()

    play.step("Pay. The shop looks at the price once more, and does not charge what nobody has agreed to.")
    warned = play.post(path, paying(session))
    play.promise(warned.status == 200, "that is an answer about the session, not an HTTP error")
    play.promise("price_change" in warned.codes, "a message says that the price has changed")
    play.promise(not warned.order_id, "nothing is charged, and there is no order")
    play.promise(_more(agreed, warned.total()), "the new total is shown")
    play.promise(warned.session_status == "ready_for_payment", "the session can still be paid")

    play.step("The buyer agrees to the new total: complete again, a new request with a new key.")
    done = play.post(path, paying(warned))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")
    play.promise(done.total() == warned.total(), "what was charged is the total that was shown last")


def _more(before: int | None, after: int | None) -> bool:
    return before is not None and after is not None and after > before


SCENARIO = Scenario("price_change", "a price that changed is shown, not charged", story)
