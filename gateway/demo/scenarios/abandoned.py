"""The buyer goes to the wallet and wanders off: nothing is confirmed, and the agent gives up."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import DONE, open_sent_away, session_at


def story(play: Play) -> None:
    play.discover()
    session = open_sent_away(play)
    path = session_at(session.text("id"))

    play.step("Send the buyer there. They close the page without an answer.")
    url = play.link(session)
    play.buyer_decides(url, "leave")

    play.step("The agent says that the buyer is back. The shop asks the wallet, which knows of no answer.")
    told = play.post(path, DONE)
    play.promise(told.status == 200, "the hint is taken")
    play.promise(told.session_status == "authentication_required", "and it still waits for the buyer")
    play.promise(
        "info" in [str(entry.get("type")) for entry in told.objects("messages")], "a message says why"
    )

    play.step("Nobody comes back. The agent cancels, and the link is worth nothing any more.")
    ended = play.post(session_at(session.text("id"), "cancel"))
    play.promise(ended.session_status == "canceled", "the session is canceled")
    play.promise("intervention_context" not in ended.body, "nobody is asked any more")
    last = play.buyer_sees(url)
    play.promise(last == "There is nothing to confirm any more", "the shop's page says so")


SCENARIO = Scenario(
    "abandoned", "the buyer leaves the wallet without an answer, and the agent cancels", story
)
