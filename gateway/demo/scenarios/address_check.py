"""The address has a slip: the shop says so and sells all the same; the buyer mends it first."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import ADDRESS, BUYER, CHECKING_AGENT, SESSIONS, paying, session_at, wanting

WHERE = "$.fulfillment_details.address.postal_code"
SLIP, MEANT = "94105 1234", "94105-1234"


def story(play: Play) -> None:
    play.discover()

    play.step("Open a checkout session for a sofa. The postal code was typed in a hurry.")
    slipped = {**ADDRESS, "postal_code": SLIP}
    details = {"address": slipped}
    body = wanting("item_sofa", buyer=BUYER, fulfillment_details=details, capabilities=CHECKING_AGENT)
    session = play.post(SESSIONS, body)
    play.promise(session.status == 201, "the session is created")
    told = [str(entry.get("content")) for entry in session.objects("messages") if entry.get("param") == WHERE]
    play.promise(len(told) == 1 and MEANT in told[0], "a message names what the postal code should be")
    play.promise(session.session_status == "ready_for_payment", "that stops nothing: it is ready for payment")
    play.promise("intervention_context" not in session.body, "nobody is asked to do anything")

    play.step("The buyer looks, and agrees: send the address as it was meant.")
    mended = play.post(
        session_at(session.text("id")),
        {"fulfillment_details": {"address": {**ADDRESS, "postal_code": MEANT}}},
    )
    play.promise(mended.status == 200, "the address is changed, by the agent and by nobody else")
    params = [entry.get("param") for entry in mended.objects("messages")]
    play.promise(WHERE not in params, "nothing looks wrong any more")

    play.step("Complete: pay as for any other purchase.")
    done = play.post(session_at(session.text("id"), "complete"), paying(mended))
    play.promise(done.status == 200 and done.session_status == "completed", "the session is completed")
    play.promise(bool(done.order_id), "there is an order")


SCENARIO = Scenario("address_check", "a slip in the address is told, and stops nothing", story)
