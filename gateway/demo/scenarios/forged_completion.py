"""Somebody claims that the buyer confirmed. The shop believes the wallet, and nobody else."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import open_sent_away, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_sent_away(play)
    path = session_at(session.text("id"))
    back = session.text("intervention_context", "callback_url")

    play.step("The agent claims that the buyer is back and has confirmed. Nobody has been there.")
    data = {"intervention_response": {"type": "redirect_complete", "callback_data": "code=ok&state=ok"}}
    claimed = play.post(path, data)
    play.promise(claimed.session_status == "authentication_required", "it still waits for the buyer")

    play.step("Somebody opens the way back with answers of their own making.")
    seen = play.buyer_sees(f"{back}?code=invented&state=invented")
    play.promise(seen != "You have confirmed the purchase", "that confirms nothing")

    play.step("Try to pay all the same, then cancel.")
    refused = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise(refused.body.get("code") == "intervention_required", "the shop insists")
    ended = play.post(session_at(session.text("id"), "cancel"))
    play.promise(ended.session_status == "canceled" and not ended.order_id, "nothing is charged")


SCENARIO = Scenario("forged_completion", "a claim that the buyer confirmed moves nothing", story)
