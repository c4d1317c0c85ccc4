"""The buyer says no at the wallet: nothing is charged, and the shop asks again only when told to."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import open_sent_away, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_sent_away(play)
    path = session_at(session.text("id"))

    play.step("Send the buyer there. They do not want to buy this.")
    url = play.link(session)
    last = play.buyer_decides(url, "deny")
    play.promise(last == "The purchase was not confirmed", "the shop's page says that nothing was confirmed")

    play.step("Ask the shop how it stands.")
    seen = play.get(path)
    play.promise(seen.session_status == "not_ready_for_payment", "it cannot be paid")
    play.promise("intervention_context" not in seen.body, "nobody is asked any more")
    unpaid = play.post(session_at(session.text("id"), "complete"), paying(session))
    play.promise(unpaid.session_status != "completed" and not unpaid.order_id, "nothing is charged")

    play.step("The buyer changes their mind. An update, even an empty one, asks again, at another address.")
    again = play.post(path, {})
    play.promise(again.session_status == "authentication_required", "it waits for the buyer again")
    fresh = play.link(again)
    play.promise(fresh != url, "the address is a new one")
    play.buyer_decides(fresh, "approve")
    ready = play.get(path)
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("denied", "the buyer says no at the wallet, and later yes", story)
