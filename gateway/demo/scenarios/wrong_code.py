"""Somebody guesses. After five wrong codes not even the right one opens anything."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import new_buyer, open_asked, paying, session_at, telling

GUESSES = 5


def story(play: Play) -> None:
    play.discover()
    buyer = new_buyer()
    session = open_asked(play, buyer, "item_sneakers")
    path = session_at(session.text("id"))

    play.step("The buyer has the code, but the agent sends another one, again and again.")
    code = play.read_code(buyer["email"])
    last = session
    for number in range(1, GUESSES + 1):
        play.promise("intervention_context" in last.body, f"the question stands for guess {number}")
        last = play.post(path, telling(_other(code, number)))
        play.promise(last.status == 200, "a wrong code is an answer about the session, not an HTTP error")
    play.promise("intervention_context" not in last.body, "nothing is asked any more")
    play.promise("rate_limited" in last.codes, "a message says that it was too often")
    play.promise(last.session_status == "not_ready_for_payment", "it cannot be paid")

    play.step("Now send the right code: it is too late for it.")
    late = play.post(path, telling(code))
    play.promise(late.status == 400, "the right code is refused: 400")
    play.promise(late.body.get("code") == "no_pending_intervention", "the code of the error says why")
    play.forget_code()

    play.step("Try to pay all the same.")
    unpaid = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise(unpaid.session_status != "completed" and not unpaid.order_id, "nothing is charged")


def _other(code: str, number: int) -> str:
    """Another code of the same length, different for each number."""
    return str((int(code) + number) % 10 ** len(code)).zfill(len(code))


SCENARIO = Scenario("wrong_code", "five wrong codes, and the right one comes too late", story)
