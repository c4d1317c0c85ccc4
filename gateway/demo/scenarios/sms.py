"""The code went to a mailbox that the buyer cannot open now: they want it on their phone."""

from __future__ import annotations

from gateway.demo.play import Play
from gateway.demo.scenarios.scenario import Scenario
from gateway.demo.shopping import new_buyer, new_number, open_asked, paying, resending, session_at, telling


def story(play: Play) -> None:
    play.discover()
    buyer = new_buyer()
    session = open_asked(play, buyer, "item_sneakers")
    path = session_at(session.text("id"))
    agreed = session.total()
    old = play.read_code(buyer["email"])

    play.step("Ask for the code by text. The shop has no number yet, and says where a code can go.")
    refused = play.post(path, resending("sms"))
    play.promise(refused.status == 400, "a way that leads nowhere is a 400")
    where = refused.body.get("param")
    play.promise(where == "$.intervention_response.channel", "the error names the member")

    play.step("Send the number along. A new contact is confirmed anew, and the code goes to the phone.")
    number = new_number()
    texted = play.post(path, {"buyer": {**buyer, "phone_number": number}, **resending("sms")})
    play.promise(texted.session_status == "authentication_required", "the session waits for the buyer")
    hint = texted.text("intervention_context", "challenge_hint")
    play.promise(hint.endswith(number[-2:]) and number not in hint, "the hint names the phone, masked")

    play.step("The code in the mail opens nothing any more.")
    code = play.read_text(number)
    if old != code:
        late = play.post(path, telling(old))
        play.promise("invalid" in late.codes, "a message says that the code is not right")

    play.step("Pass on what the buyer read on the phone.")
    ready = play.post(path, telling(code))
    play.promise(ready.session_status == "ready_for_payment", "it is ready for payment")
    play.forget_code()

    play.step("Complete: pay as for any other purchase.")
    done = play.post(session_at(session.text("id"), "complete"), paying(ready))
    play.promise(done.status == 200 and done.session_status == "completed", "the session is completed")
    play.promise(done.total() == agreed, "what was charged is the total the buyer agreed to")


SCENARIO = Scenario("sms", "the one-time code goes to the buyer's phone instead", story)
