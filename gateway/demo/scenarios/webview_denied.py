"""The buyer says no in the widget, and the agent claims otherwise: nothing is charged."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import CLOSED, open_shown, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_shown(play)
    path = session_at(session.text("id"))

    play.step("Show the buyer the page. They leave the widget open, and say that they have answered.")
    url = play.link(session)
    unsure = play.buyer_decides_in_frame(url, "leave")
    play.promise(unsure == "It is not confirmed yet", "the shop believes the wallet, which has no answer")

    play.step("They do not want to buy this, and say so in the widget.")
    last = play.buyer_decides_in_frame(url, "deny")
    play.promise(last == "The purchase was not confirmed", "the shop's page says that nothing was confirmed")

    play.step("The agent claims that the buyer confirmed, and tries to pay.")
    claimed = play.post(path, CLOSED)
    play.promise(claimed.body.get("code") == "no_pending_intervention", "there is nothing to claim any more")
    seen = play.get(path)
    play.promise(seen.session_status == "not_ready_for_payment", "it cannot be paid")
    unpaid = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise(unpaid.session_status != "completed" and not unpaid.order_id, "nothing is charged")
    ended = play.post(session_at(session.text("id"), "cancel"))
    play.promise(ended.session_status == "canceled" and not ended.order_id, "the agent gives up")


SCENARIO = Scenario("webview_denied", "the buyer says no in a page that the agent shows", story)
