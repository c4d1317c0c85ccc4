"""The buyer does not want to tell the agent the code, and enters it at a page of the shop's."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import new_buyer, open_asked, paying, session_at


def story(play: Play) -> None:
    play.discover()
    buyer = new_buyer()
    session = open_asked(play, buyer, "item_sneakers")
    path = session_at(session.text("id"))
    agreed = session.total()

    play.step("Show the buyer the shop's own page. The agent looks at the address first, as at any other.")
    url = play.link(session, "continue_url")
    seen = play.buyer_sees(url)
    play.promise(seen == "Enter your code", "the page asks for the code")

    play.step("Ask the shop how it stands, while the buyer looks for the mail.")
    waiting = play.get(path)
    play.promise(waiting.session_status == "authentication_required", "it still waits for the buyer")

    last = play.buyer_enters(url, buyer["email"])
    play.promise(last == "You have confirmed the purchase", "the shop's page says that it is confirmed")

    play.step("Ask again. Nobody has told the agent anything, and it has told the shop nothing.")
    ready = play.get(path)
    play.promise(ready.session_status == "ready_for_payment", "it is ready for payment")
    play.promise("intervention_context" not in ready.body, "nobody is asked any more")

    play.step("Complete: pay as for any other purchase.")
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.status == 200 and done.session_status == "completed", "the session is completed")
    play.promise(bool(done.order_id), "there is an order")
    play.promise(done.total() == agreed, "what was charged is the total the buyer agreed to")


SCENARIO = Scenario("code_on_page", "the buyer enters the code at the shop's page, not with the agent", story)
