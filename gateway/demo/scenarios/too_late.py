"""The buyer opens the link when its time is over: it opens nothing, and a new one does."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import open_sent_away, paying, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_sent_away(play)
    path = session_at(session.text("id"))
    url = play.link(session)
    until = session.text("intervention_context", "expires_at")

    play.step(
        f"The link is good until {until}, and the buyer is at lunch. To spare you the wait, the shop's "
        "operator ends it now, by hand in the admin: to the agent it looks the same."
    )
    play.end_code(session.text("id"))
    last = play.buyer_sees(url)
    play.promise(last != "Confirm your purchase", "the buyer's page asks nothing any more")

    play.step("The agent looks, takes it as failed, and asks for another with an empty update.")
    seen = play.get(path)
    play.promise("intervention_context" not in seen.body, "nobody is asked any more")
    play.promise("expired" in seen.codes, "a message says that the time is over")
    again = play.post(path, {})
    play.promise(again.session_status == "authentication_required", "the buyer is asked anew")
    play.buyer_decides(play.link(again), "approve")
    done = play.post(session_at(session.text("id"), "complete"), paying(again))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")


SCENARIO = Scenario("too_late", "a link that was opened too late is replaced by a fresh one", story)
