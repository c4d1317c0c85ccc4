"""The exchanges that are written down. Each is a story that a test plays again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.agents import ADDRESS, paying
from tests.examples.tape import Tape

ADA = {"email": "ada@example.com", "full_name": "Ada Lovelace"}


@dataclass(frozen=True, slots=True)
class Story:
    """One file of docs/examples."""

    name: str
    title: str
    about: str
    play: Callable[[Tape], None]


def wanting(item: str, capabilities: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The body that opens a session with everything in it."""
    return {
        "line_items": [{"id": item, "quantity": 1}],
        "currency": "usd",
        "capabilities": capabilities,
        "buyer": ADA,
        "fulfillment_details": {"address": ADDRESS},
        **members,
    }


def supporting(*types: str, **more: Any) -> dict[str, Any]:
    """What an agent declares that can do these types."""
    return {"interventions": {"supported": list(types), **more}}


def buyer(name: str) -> dict[str, str]:
    """A buyer with a mailbox of their own: a merchant limits how often it writes to one address."""
    return {"email": f"{name}@example.com", "full_name": "Ada Lovelace"}


def telling(code: str) -> dict[str, Any]:
    return {"intervention_response": {"type": "otp", "code": code}}


def one_time_code(tape: Tape) -> None:
    ada = buyer("ada")
    tape.says("Open a session. The shop wants limited editions to be confirmed by a one-time code.")
    session = tape.post(wanting("item_sneakers", supporting("otp"), buyer=ada))
    tape.happens("The buyer reads the mail: the code is 482913. The agent asks for it, and mistypes it.")
    code = tape.code_for(ada["email"])
    tape.says("A wrong code is an answer about the session: the question stands, one attempt is spent.")
    tape.post(telling(tape.wrong(code)), session)
    tape.says("The right code: the context is gone, and the session can be paid.")
    ready = tape.post(telling(code), session)
    tape.says("Pay.")
    tape.post(paying(), ready, "complete")


def redirect(tape: Tape) -> None:
    tape.says("Open a session. The shop wants tablets to be confirmed at a wallet.")
    able = supporting("redirect", redirect_context="external_browser", max_redirects=1)
    session = tape.post(wanting("item_tablet", able, buyer=buyer("grace")))
    link = session["intervention_context"]["redirect_url"]
    tape.says("The agent claims that its buyer is done. Nobody was there: that moves nothing.")
    tape.post({"intervention_response": {"type": "redirect_complete"}}, session)
    page = tape.person.go_on(link)
    tape.person.decide(page, "approve")
    tape.happens("The buyer opens redirect_url, goes on to the wallet, approves there and comes back.")
    tape.says("Ask how it stands. The shop has asked the wallet; no word of the agent was needed.")
    ready = tape.get(session)
    tape.says("Pay.")
    tape.post(paying(), ready, "complete")


def three_ds(tape: Tape) -> None:
    tape.says(
        "Open a session, as an agent that runs 3-D Secure. The shop wants it for cameras, at the payment."
    )
    session = tape.post(wanting("item_camera", supporting("3ds", "otp"), buyer=buyer("lise")))
    tape.says("Pay. The card's bank wants to see its holder: 200, and no order yet.")
    asked = tape.post(paying(), session, "complete")
    tape.says("Complete without the result: refused, nothing is charged.")
    tape.post(paying(), asked, "complete")
    result = tape.run_3ds(asked, "approve")
    tape.happens(
        "The agent runs 3-D Secure: the bank asks the buyer, who approves, and gives the agent a proof."
    )
    tape.says("Complete with it. The payment provider holds it against the bank's own word.")
    tape.post({**paying(), "authentication_result": result}, asked, "complete")


def three_ds_hosted(tape: Tape) -> None:
    able = supporting("redirect", redirect_context="external_browser", max_redirects=1)
    tape.says("Open a session, as an agent that cannot run 3-D Secure and can send its buyer to a page.")
    session = tape.post(wanting("item_mug", able, buyer=buyer("rosalind")))
    tape.says("Pay with a card whose bank asks. What the agent is shown is a redirect.")
    asked = tape.post(paying("spt_sandbox_3ds_challenge"), session, "complete")
    page = tape.person.go_on(asked["intervention_context"]["redirect_url"])
    tape.person.decide(page, "approve")
    tape.happens("The buyer opens redirect_url, goes on to the bank, approves there and comes back.")
    tape.says("Ask how it stands. The shop went on with the payment; there is no second complete.")
    tape.get(asked)


def passkey(tape: Tape) -> None:
    barbara = buyer("barbara")
    tape.says("Open a session. The shop wants rings to be confirmed with a passkey.")
    able = supporting("biometric") | {"extensions": ["intervention_types@2026-02-17"]}
    session = tape.post(wanting("item_ring", able, buyer=barbara))
    tape.says("The agent claims that its buyer looked into the camera: there is no such answer.")
    tape.post({"intervention_response": {"type": "biometric"}}, session)
    page = tape.person.press(tape.person.continue_here(session["continue_url"]), answer="send")
    page = tape.person.press(page, answer="code", code=tape.code_for(barbara["email"]))
    tape.person.confirm_with_device(page)
    tape.happens(
        "The buyer opens continue_url, types the code that the shop mailed to them, and has their phone make "
        "a passkey, which confirms the purchase."
    )
    tape.says("Ask how it stands. No word of the agent was needed.")
    ready = tape.get(session)
    tape.says("Pay.")
    tape.post(paying(), ready, "complete")


def webview(tape: Tape) -> None:
    tape.says("Open a session. The shop wants headphones to be confirmed in a widget of its wallet.")
    able = supporting("webview", display_context="webview")
    session = tape.post(wanting("item_headphones", able, buyer=buyer("hedy")))
    link = session["intervention_context"]["redirect_url"]
    tape.says("The agent claims that its buyer is done. Nobody was there: that moves nothing.")
    tape.post({"intervention_response": {"type": "webview_complete"}}, session)
    tape.person.decide_in_frame(link, "approve")
    tape.happens("The agent shows redirect_url in a frame. The buyer continues, and approves in the widget.")
    tape.says("Ask how it stands. The shop has asked the wallet's books.")
    ready = tape.get(session)
    tape.says("Pay.")
    tape.post(paying(), ready, "complete")


def address_verification(tape: Tape) -> None:
    wrong = {**ADDRESS, "state": "California", "postal_code": "10001"}
    tape.says("Open a session, as an agent that wants to hear what looks wrong with an address.")
    able = supporting("address_verification")
    session = tape.post(wanting("item_mug", able, fulfillment_details={"address": wrong}))
    tape.says("The buyer corrects it. It could have been paid as it was.")
    tape.post({"fulfillment_details": {"address": ADDRESS}}, session)


def negotiation(tape: Tape) -> None:
    tape.says("An agent that can do more than is needed: the answer holds the intersection.")
    able = supporting("3ds", "otp", "redirect", display_context="native", max_redirects=2)
    tape.post(wanting("item_mug", able, buyer=buyer("joan")))
    tape.says("A type that the shop needs and the agent can do.")
    tape.post(wanting("item_tablet", able, buyer=buyer("joan")))
    tape.says("A type that the shop needs and this agent cannot do: a mismatch, told at once, no context.")
    tape.post(wanting("item_tablet", supporting("otp"), buyer=buyer("joan")))
    tape.says("Types that nobody knows are dropped without a word.")
    tape.post(wanting("item_mug", supporting("otp", "telepathy"), buyer=buyer("joan")))
    tape.says("An answer of an unknown type verifies nothing, and is no reason to refuse.")
    session = tape.post(wanting("item_sneakers", supporting("otp"), buyer=buyer("mary")))
    tape.post({"intervention_response": {"type": "telepathy_complete"}}, session)


def context(tape: Tape) -> None:
    ada = buyer("emmy")
    tape.says("Open a session that waits for its buyer: the context is on the session.")
    session = tape.post(wanting("item_sneakers", supporting("otp"), buyer=ada))
    tape.code_for(ada["email"])
    tape.says("It is there on every answer until it is over, so polling costs no new code.")
    tape.get(session)
    tape.says("To complete now is refused, and nothing is charged.")
    tape.post(paying(), session, "complete")
    tape.says("Another type than the pending one is refused.")
    tape.post({"intervention_response": {"type": "redirect_complete"}}, session)
    tape.says("Cancel: the context goes with the session's last move.")
    tape.post({}, session, "cancel")


def card(number: str) -> dict[str, Any]:
    """A card that is published for testing."""
    return {
        "type": "card",
        "card_number_type": "fpan",
        "number": number,
        "exp_month": "11",
        "exp_year": "2034",
        "cvc": "223",
        "display_card_funding_type": "credit",
        "display_last4": number[-4:],
        "metadata": {},
    }


def allowing(session: dict[str, Any], most: int) -> dict[str, Any]:
    """What a token of the session may be used for."""
    until = datetime.now(UTC) + timedelta(minutes=30)
    return {
        "reason": "one_time",
        "max_amount": most,
        "currency": "usd",
        "checkout_session_id": session["id"],
        "merchant_id": "sandbox-merchant",
        "expires_at": until.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }


def handing(session: dict[str, Any], number: str, most: int | None = None) -> dict[str, Any]:
    """The card for a token that is good for the session's total."""
    total = next(entry["amount"] for entry in session["totals"] if entry["type"] == "total")
    allowance = allowing(session, total if most is None else most)
    return {"payment_method": card(number), "allowance": allowance, "risk_signals": [], "metadata": {}}


def delegated_payment(tape: Tape) -> None:
    tape.says("Open a session. It will be paid with the buyer's card, which the agent holds.")
    session = tape.post(wanting("item_mug", {}, buyer=buyer("hertha")))
    tape.says("Hand the card over, and allow too little.")
    little = tape.hand_over(handing(session, "4242424242424242", most=100))
    tape.says("The token is good for what was allowed: the payment is declined, and nothing is charged.")
    tape.post(paying(little["id"]), session, "complete")
    tape.says("Hand it over again, and allow the total of this one session, once.")
    token = tape.hand_over(handing(session, "4242424242424242"))
    tape.says("Pay with the token.")
    tape.post(paying(token["id"]), session, "complete")
    tape.says("A card that has expired is refused, and kept nowhere.")
    old = handing(session, "4242424242424242")
    old["payment_method"]["exp_year"] = "2020"
    tape.hand_over(old)


def delegated_authentication(tape: Tape) -> None:
    tape.says("Open a session, as an agent that runs 3-D Secure.")
    session = tape.post(wanting("item_mug", supporting("3ds"), buyer=buyer("maria")))
    tape.says("Hand the buyer's card over for a token.")
    token = tape.hand_over(handing(session, "4000000000003220"))
    tape.says("Pay with the token of a card whose bank asks. The session waits.")
    asked = tape.post(paying(token["id"]), session, "complete")
    total = next(entry["amount"] for entry in session["totals"] if entry["type"] == "total")
    held = {name: card("4000000000003220")[name] for name in ("type", "number", "exp_month", "exp_year")}
    tape.says("Begin 3-D Secure for the payment that waits: of its amount, with its card.")
    begun = tape.authenticate(
        {
            "merchant_id": "sandbox-merchant",
            "payment_method": {**held, "name": "Ada Lovelace"},
            "amount": {"value": total, "currency": "USD"},
            "checkout_session_id": session["id"],
        }
    )
    tape.happens("The agent opens three_ds_method_url in the buyer's browser, unseen.")
    tape.says("Say that it is done, where the buyer is, and where the browser comes back to.")
    going = tape.authenticate(
        {
            "fingerprint_completion": "Y",
            "challenge_notification_url": "https://agent.example/3ds/back",
            "channel": {
                "type": "browser",
                "browser": {
                    "accept_header": "text/html",
                    "ip_address": "203.0.113.7",
                    "javascript_enabled": True,
                    "language": "en-US",
                    "user_agent": "Mozilla/5.0",
                    "color_depth": 24,
                    "java_enabled": False,
                    "screen_height": 1080,
                    "screen_width": 1920,
                    "timezone_offset": 0,
                },
            },
        },
        begun,
    )
    tape.approve(going["action"]["challenge"]["acs_url"])
    tape.happens("The buyer opens acs_url, approves at their bank, and comes back.")
    tape.says("Ask what came of it.")
    result = tape.outcome(begun)["authentication_result"]
    names = ("three_ds_cryptogram", "electronic_commerce_indicator", "transaction_id", "version")
    details = {name: result[name] for name in names}
    tape.says("Complete with it. The payment provider holds it against the bank's own word.")
    brought = {"outcome": "authenticated", "outcome_details": details}
    tape.post({**paying(token["id"]), "authentication_result": brought}, asked, "complete")


STORIES = (
    Story(
        "one-time-code",
        "One-time code",
        "The shop sends a code to the buyer's mail; the agent asks for it and passes it on.",
        one_time_code,
    ),
    Story(
        "redirect",
        "Redirect",
        "The buyer confirms at a page that is not the shop's; its provider decides, not the agent.",
        redirect,
    ),
    Story(
        "3d-secure",
        "3-D Secure that the agent runs",
        "The card's bank wants to see its holder; the agent runs it and brings the proof.",
        three_ds,
    ),
    Story(
        "3d-secure-hosted",
        "3-D Secure at a page",
        "For an agent that cannot run it: the buyer goes to the bank, and the order is there afterwards.",
        three_ds_hosted,
    ),
    Story(
        "webview",
        "Embedded page",
        "The agent shows a page of the shop's with a widget in it; the provider's books decide.",
        webview,
    ),
    Story(
        "passkey",
        "Passkey",
        "The buyer confirms with their own device, on a page of the shop; the agent has no part in it.",
        passkey,
    ),
    Story(
        "address-verification",
        "Address verification",
        "What looks wrong with an address is told, and stops nothing.",
        address_verification,
    ),
    Story(
        "capability-negotiation",
        "Capability negotiation with the new types",
        "What agent and shop can both do, what the shop insists on, and what happens when they differ.",
        negotiation,
    ),
    Story(
        "intervention-context",
        "Intervention context on the session",
        "Where the context stands, how long it stays, and what is refused meanwhile.",
        context,
    ),
    Story(
        "delegated-payment",
        "A card for a token",
        "The agent holds the buyer's card, hands it to the shop's vault, and pays with what it gets for it.",
        delegated_payment,
    ),
    Story(
        "delegated-authentication",
        "3-D Secure for a card that the agent holds",
        "The shop's side runs it for the agent: create, authenticate, retrieve, complete.",
        delegated_authentication,
    ),
)
