"""The shop wants to know that the buyer agrees, and asks somebody else: a wallet with a page of its own."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import DONE, open_sent_away, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_sent_away(play)
    path = session_at(session.text("id"))
    agreed = session.total()

    play.step("Send the buyer there. The agent looks at the address first, and says that it opens a page.")
    url = play.link(session)
    last = play.buyer_decides(url, "approve")
    play.promise(last == "You have confirmed the purchase", "the shop's page says that it is confirmed")

    play.step("Ask the shop how it stands. It has asked the wallet, whatever the agent may say.")
    ready = play.get(path)
    play.promise(ready.session_status == "ready_for_payment", "it is ready for payment")
    play.promise("intervention_context" not in ready.body, "nobody is asked any more")
    late = play.post(path, DONE)
    play.promise(late.body.get("code") == "no_pending_intervention", "to say it again is to answer nothing")

    play.step("Complete: pay as for any other purchase.")
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.status == 200 and done.session_status == "completed", "the session is completed")
    play.promise(bool(done.order_id), "there is an order")
    play.promise(done.total() == agreed, "what was charged is the total the buyer agreed to")


SCENARIO = Scenario("redirect", "the buyer confirms a purchase at a page that is not the merchant's", story)
