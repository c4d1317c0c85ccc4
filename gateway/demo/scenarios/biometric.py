"""The shop wants a ring to be confirmed by the buyer's own device, and by nobody's word."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import SESSIONS, new_buyer, paying, ring_for, session_at


def story(play: Play) -> None:
    play.discover()
    buyer = new_buyer()
    play.step(
        "Open a checkout session, and declare that the buyer can be asked for a passkey: the shop wants "
        "one for rings."
    )
    session = play.post(SESSIONS, ring_for(buyer))
    path = session_at(session.text("id"))
    play.promise(session.session_status == "authentication_required", "it waits for the buyer")
    asked = session.text("intervention_context", "intervention_type")
    play.promise(asked == "biometric", "what is asked for is a passkey")

    play.step("The agent claims that the buyer looked into the camera. It cannot know that, and nobody did.")
    claimed = play.post(path, {"intervention_response": {"type": "biometric"}})
    play.promise("unsupported" in claimed.codes, "there is no such answer")
    play.promise(claimed.session_status == "authentication_required", "it still waits for the buyer")

    play.step("The agent opens the page itself, with a device of its own. It has no mail of the buyer.")
    seen = play.agent_tries_device(play.page(session))
    play.promise(not seen, "the shop asks that device for nothing")
    play.step("That browser is the one that may confirm now, so the agent asks for a new link.")
    play.post(session_at(session.text("id"), "cancel"))
    session = play.post(SESSIONS, ring_for(buyer))
    path = session_at(session.text("id"))

    play.step("Send the buyer there. They have no passkey yet, so the shop writes to them first.")
    last = play.buyer_uses_device(play.page(session), buyer["email"])
    play.promise(last == "You have confirmed the purchase", "the shop's page says that it is confirmed")

    play.step("Ask the shop how it stands, and pay.")
    ready = play.get(path)
    play.promise(ready.session_status == "ready_for_payment", "it is ready for payment")
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.session_status == "completed" and bool(done.order_id), "there is an order")

    play.step("The buyer wants another one. Now the device is known, and no mail is needed.")
    session = play.post(SESSIONS, ring_for(buyer))
    last = play.buyer_uses_device(play.page(session))
    play.promise(last == "You have confirmed the purchase", "the passkey alone confirms it")
    ended = play.post(session_at(session.text("id"), "cancel"))
    play.promise(ended.session_status == "canceled", "the buyer thought better of it")


SCENARIO = Scenario(
    "biometric", "the buyer confirms a purchase with a passkey, and a claim moves nothing", story
)
