"""The merchant looks at the purchase before it is paid: no to one, yes to the next."""

from __future__ import annotations

from gateway.demo.answers import Answer
from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, delivered, paying, session_at


def story(play: Play) -> None:
    play.discover()
    play.step("Open a session with more pens than anybody needs at home.")
    session = play.post(SESSIONS, delivered("item_pens", quantity=5))
    play.promise(session.session_status == "ready_for_payment", "it is ready for payment")
    path = session_at(session.text("id"))

    _ask(play, session)
    play.step("The operator finds that too many, and says no in the admin. The agent looks again.")
    play.decide(session.text("id"), "deny")
    seen = play.get(path)
    play.promise(seen.session_status == "not_ready_for_payment", "it cannot be paid")
    play.promise("approval_required" in seen.codes, "a message says that the merchant did not approve it")

    play.step("Take one less: that is another purchase, so the merchant may be asked again.")
    fewer = play.post(path, {"line_items": [{"id": "item_pens", "quantity": 4}]})
    play.promise(fewer.session_status == "ready_for_payment", "it is ready for payment again")

    _ask(play, fewer)
    play.step("This time the operator says yes. The agent polls, and completes again.")
    play.decide(session.text("id"), "approve")
    seen = play.get(path)
    play.promise(seen.session_status == "ready_for_payment", "it may be paid")
    done = play.post(session_at(session.text("id"), "complete"), paying(seen))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


def _ask(play: Play, session: Answer) -> None:
    play.step("Complete it. The shop wants to look at such purchases first.")
    waiting = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise(waiting.status == 200, "that is an answer about the session, not an HTTP error")
    play.promise(waiting.session_status == "pending_approval", "it waits for the merchant")
    play.promise(not waiting.order_id, "nothing is ordered, and nothing was charged")


SCENARIO = Scenario("approval", "the merchant denies one purchase and approves the next", story)
