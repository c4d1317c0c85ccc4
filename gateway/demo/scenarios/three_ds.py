"""The buyer's bank confirms a payment, and the agent runs 3-D Secure with it."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import bringing, open_asked_by_bank, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_asked_by_bank(play)
    path = session_at(session.text("id"), "complete")

    play.step("Complete without the bank's answer: the shop says what is missing, and charges nothing.")
    early = play.post(path, paying(session))
    play.promise(early.status == 400, "that is refused")
    play.promise(early.body.get("code") == "requires_3ds", "it says that 3-D Secure is needed")

    play.step("Run 3-D Secure: the bank asks the buyer, and gives the agent a proof.")
    result = play.run_3ds(session, "approve")

    play.step("Complete with the proof. The shop's payment provider holds it against the bank's own word.")
    done = play.post(path, bringing(session, result))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")
    play.promise(done.total() == session.total(), "what was charged is the total that was confirmed")
    play.promise("authentication_metadata" not in done.body, "nobody is asked any more")


SCENARIO = Scenario("three_ds", "the buyer's bank confirms a payment, through the agent", story)
