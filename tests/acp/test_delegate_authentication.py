"""3-D Secure for an agent that holds the card: requirements O, run with the sandbox bank."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from checkout.models import SandboxAuthentication
from gateway import signing_keys
from gateway.models import Agent, IdempotentRequest
from tests.acp.test_signatures import canonical, enrolled, signed_headers, with_secret
from tests.agents import MINIMAL, PlayedAgent, paying, total
from tests.bank import Wire, authenticator
from tests.cards import (
    ASKED,
    AUTHENTICATE,
    BROWSER,
    DENIED,
    GOOD,
    PLACE,
    UNAVAILABLE,
    UNSUPPORTED,
    authenticating,
    token_for,
)
from tests.parts import plugged

ABLE = {"interventions": {"supported": ["3ds"]}}


@pytest.fixture(autouse=True)
def run(wire: Wire) -> Iterator[None]:
    with plugged(authenticator=authenticator(wire)):
        yield


def begun(agent: PlayedAgent, number: str = ASKED, **members: Any) -> dict[str, Any]:
    answer = agent.post(AUTHENTICATE, authenticating(number=number, **{**PLACE, **members}))
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def decided(agent: PlayedAgent, session: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The issuer has had its look; what it says."""
    body = {"fingerprint_completion": "Y", **members}
    answer = agent.post(f"{AUTHENTICATE}/{session['authentication_session_id']}/authenticate", body)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def known(agent: PlayedAgent, session: dict[str, Any]) -> dict[str, Any]:
    answer = agent.get(f"{AUTHENTICATE}/{session['authentication_session_id']}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def holder(asked: dict[str, Any], decision: str) -> Any:
    """The holder decides at the page where the issuer asks; what the browser is answered."""
    path = urlsplit(asked["action"]["challenge"]["acs_url"]).path
    shown = Client().get(path)
    assert shown.status_code == 200
    return Client().post(path, {"decision": decision})


def waiting(agent: PlayedAgent, number: str = ASKED) -> dict[str, Any]:
    """A checkout session whose payment, with this card, waits for 3-D Secure."""
    session = agent.ready(capabilities=ABLE)
    asked = agent.complete(session, paying(token_for(agent, session, number))).json()
    assert asked["status"] == "authentication_required"
    return asked


def bound(agent: PlayedAgent, session: dict[str, Any], **members: Any) -> dict[str, Any]:
    body = authenticating(total(session) or 0, checkout_session_id=session["id"], **{**PLACE, **members})
    answer = agent.post(AUTHENTICATE, body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def brought(result: dict[str, Any]) -> dict[str, Any]:
    """The result in the words of complete."""
    names = ("three_ds_cryptogram", "electronic_commerce_indicator", "transaction_id", "version")
    details = {name: result[name] for name in names}
    return {**paying("-"), "authentication_result": {"outcome": "authenticated", "outcome_details": details}}


# --- The three steps ------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-205", "ACP-207", "ACP-210", "ACP-0.4")
def test_a_holder_is_seen_and_the_session_completed(agent: PlayedAgent) -> None:
    """Create, look, ask, retrieve: and the payment that waited goes on with what came of it."""
    session = waiting(agent)

    first = bound(agent, session)
    assert (first["status"], first["action"]["type"]) == ("action_required", "fingerprint")
    looked_at = first["action"]["fingerprint"]["three_ds_method_url"]
    assert Client().get(urlsplit(looked_at).path).status_code == 200
    asked = decided(agent, first)
    assert (asked["status"], asked["action"]["type"]) == ("action_required", "challenge")
    assert known(agent, first)["status"] == "action_required"
    back = holder(asked, "approve")
    assert (back.status_code, back.headers["Location"]) == (303, PLACE["challenge_notification_url"])
    found = known(agent, first)
    done = agent.complete(session, brought(found["authentication_result"]))

    assert found["status"] == "authenticated"
    assert found["authentication_result"]["trans_status"] == "Y"
    server_id = asked["action"]["challenge"]["three_ds_server_trans_id"]
    assert found["authentication_result"]["three_ds_server_trans_id"] == server_id
    assert "authentication_result" not in asked
    assert done.json()["status"] == "completed", done.content


@pytest.mark.requirement("ACP-207")
def test_what_the_browser_can_do_decides_whether_it_is_looked_at(agent: PlayedAgent) -> None:
    silent = {**BROWSER, "javascript_enabled": False}

    assert begun(agent)["action"]["type"] == "fingerprint"
    pending = begun(agent, channel={"type": "browser", "browser": silent})
    assert pending["status"] == "pending"
    assert "action" not in pending


@pytest.mark.requirement("ACP-207")
def test_a_card_without_3d_secure(agent: PlayedAgent) -> None:
    found = begun(agent, UNSUPPORTED)

    assert found["status"] == known(agent, found)["status"] == "not_supported"
    path = f"{AUTHENTICATE}/{found['authentication_session_id']}/authenticate"
    assert agent.post(path, {"fingerprint_completion": "U"}).status_code == 400


def test_without_a_bank_no_card_supports_it(agent: PlayedAgent) -> None:
    from checkout.payments.sandbox_authenticator import SandboxAuthenticator

    with plugged(authenticator=SandboxAuthenticator()):
        assert begun(agent)["status"] == "not_supported"


@pytest.mark.requirement("ACP-207", "ACP-210")
@pytest.mark.parametrize(
    ("number", "status", "letter"),
    [(GOOD, "authenticated", "Y"), (DENIED, "rejected", "R"), (UNAVAILABLE, "unavailable", "U")],
)
def test_an_issuer_that_asks_nobody(agent: PlayedAgent, number: str, status: str, letter: str) -> None:
    first = begun(agent, number)

    told = decided(agent, first)
    found = known(agent, first)

    assert told["status"] == found["status"] == status
    assert set(told) == {"authentication_session_id", "status"}
    assert found["authentication_result"]["trans_status"] == letter
    assert ("three_ds_cryptogram" in found["authentication_result"]) == (letter == "Y")


@pytest.mark.requirement("ACP-206")
def test_a_challenge_may_be_wished_for(agent: PlayedAgent) -> None:
    wish = {"type": "challenge", "challenge": {"type": "preferred"}}

    told = decided(agent, begun(agent, GOOD, flow_preference=wish))

    assert told["action"]["type"] == "challenge"


@pytest.mark.requirement("ACP-207", "ACP-210")
def test_a_holder_who_says_no(agent: PlayedAgent) -> None:
    first = begun(agent)
    holder(decided(agent, first), "deny")

    found = known(agent, first)

    assert found["status"] == "not_authenticated"
    assert found["authentication_result"]["trans_status"] == "N"


@pytest.mark.requirement("ACP-207")
def test_a_holder_who_goes_away_and_comes_back(agent: PlayedAgent) -> None:
    first = begun(agent)
    asked = decided(agent, first)
    left = holder(asked, "leave")
    gone = known(agent, first)["status"]
    holder(asked, "approve")

    assert left.headers["Location"] == PLACE["challenge_notification_url"]
    assert gone == "challenge_abandoned"
    assert known(agent, first)["status"] == "authenticated"


@pytest.mark.requirement("ACP-207")
def test_nobody_waits_for_ever(agent: PlayedAgent) -> None:
    first, second = begun(agent), begun(agent)
    decided(agent, second)

    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert decided(agent, first)["status"] == "expired"
        assert known(agent, second)["status"] == "expired"


@pytest.mark.requirement("ACP-206")
def test_what_was_left_out_comes_with_authenticate(agent: PlayedAgent) -> None:
    first = agent.post(AUTHENTICATE, authenticating()).json()
    path = f"{AUTHENTICATE}/{first['authentication_session_id']}/authenticate"

    nowhere = agent.post(path, {"fingerprint_completion": "Y"})
    no_way_back = agent.post(path, {"fingerprint_completion": "Y", "channel": PLACE["channel"]})
    told = decided(agent, first, **PLACE)

    assert (nowhere.status_code, nowhere.json()["param"]) == (400, "$.channel")
    assert no_way_back.json()["param"] == "$.challenge_notification_url"
    assert nowhere.json()["code"] == "missing"
    assert told["action"]["type"] == "challenge"


@pytest.mark.requirement("ACP-206", "ACP-208")
@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"merchant_id": None}, "$.merchant_id"),
        ({"amount": {"value": 0, "currency": "USD"}}, "$.amount.value"),
        ({"amount": {"value": 5, "currency": "usd"}}, "$.amount.currency"),
        ({"amount": {"value": 5}}, "$.amount.currency"),
        ({"challenge_notification_url": "http://agent.example/back"}, "$.challenge_notification_url"),
        ({"challenge_notification_url": "javascript:alert(1)"}, "$.challenge_notification_url"),
        ({"surplus": 1}, "$.surplus"),
        *(
            (
                {
                    "channel": {
                        "type": "browser",
                        "browser": {key: value for key, value in BROWSER.items() if key != name},
                    }
                },
                f"$.channel.browser.{name}",
            )
            for name in ("color_depth", "java_enabled", "screen_height", "screen_width", "timezone_offset")
        ),
    ],
)
def test_what_cannot_be_run(agent: PlayedAgent, changed: dict[str, Any], param: str) -> None:
    answer = agent.post(AUTHENTICATE, authenticating(**{**PLACE, **changed}))

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    assert answer.json()["param"] == param
    assert not SandboxAuthentication.objects.exists()


@pytest.mark.requirement("ACP-206")
def test_a_card_that_is_none(agent: PlayedAgent) -> None:
    body = authenticating(number="4111111111111111")
    short = authenticating()
    del short["payment_method"]["exp_year"]

    unknown, missing = agent.post(AUTHENTICATE, body), agent.post(AUTHENTICATE, short)

    assert (unknown.status_code, unknown.json()["code"]) == (422, "invalid_card")
    assert (missing.status_code, missing.json()["code"]) == (400, "invalid_card")
    assert "4111" not in unknown.content.decode()


def test_nothing_of_the_card_is_kept(agent: PlayedAgent) -> None:
    begun(agent)

    kept = str([*SandboxAuthentication.objects.values(), *IdempotentRequest.objects.values()])
    assert ASKED not in kept


# --- Which payment it is for (T34) ------------------------------------------------------------------


@pytest.mark.requirement("T34")
@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"amount": {"value": 1, "currency": "USD"}}, "$.amount.value"),
        ({"amount": None}, "$.amount.currency"),
        ({"number": GOOD}, "$.payment_method.number"),
        ({"merchant_id": "somebody-else"}, "$.merchant_id"),
        ({"checkout_session_id": "cs_" + "0" * 32}, "$.checkout_session_id"),
    ],
)
def test_it_is_for_the_payment_that_waits_or_for_none(
    agent: PlayedAgent, changed: dict[str, Any], param: str
) -> None:
    session = waiting(agent)
    number = changed.get("number", ASKED)
    body = authenticating(total(session) or 0, number, checkout_session_id=session["id"], **PLACE)
    body |= {name: value for name, value in changed.items() if name != "number" and value is not None}
    if param == "$.amount.currency":
        body["amount"]["currency"] = "EUR"

    answer = agent.post(AUTHENTICATE, body)

    assert (answer.json()["param"], answer.json()["type"]) == (param, "invalid_request")
    assert answer.status_code == 400
    assert not SandboxAuthentication.objects.exists()


@pytest.mark.requirement("T34")
def test_a_session_that_waits_for_nothing(agent: PlayedAgent, other: PlayedAgent) -> None:
    """Mine, somebody else's that does wait, and none: the last two are alike."""
    mine, theirs = agent.ready(), waiting(other)
    answers = [
        agent.post(AUTHENTICATE, authenticating(checkout_session_id=id, **PLACE))
        for id in (mine["id"], theirs["id"], "cs_" + "0" * 32)
    ]

    assert {answer.status_code for answer in answers} == {400}
    assert answers[1].json() == answers[2].json()


@pytest.mark.requirement("T34")
def test_the_result_of_one_payment_is_none_of_another(agent: PlayedAgent) -> None:
    """Same amount, same card, and a run that was for no session at all."""
    first, second = waiting(agent), waiting(agent)
    run = bound(agent, first)
    holder(decided(agent, run), "approve")
    loose = begun(agent, amount={"value": total(second), "currency": "USD"})
    holder(decided(agent, loose), "approve")

    crossed = agent.complete(second, brought(known(agent, run)["authentication_result"]))
    third = waiting(agent)
    unbound = agent.complete(third, brought(known(agent, loose)["authentication_result"]))

    for answer in (crossed, unbound):
        assert answer.json()["messages"][0]["code"] == "payment_declined"
        assert "order" not in answer.json()


@pytest.mark.requirement("T34")
def test_a_session_may_be_named_late_and_not_changed(agent: PlayedAgent) -> None:
    session, second = waiting(agent), waiting(agent)
    run = begun(agent, amount={"value": total(session), "currency": "USD"})

    asked = decided(agent, run, checkout_session_id=session["id"])
    holder(asked, "approve")
    done = agent.complete(session, brought(known(agent, run)["authentication_result"]))

    assert done.json()["status"] == "completed"
    named = bound(agent, second)
    path = f"{AUTHENTICATE}/{named['authentication_session_id']}/authenticate"
    other = agent.post(path, {"fingerprint_completion": "Y", "checkout_session_id": session["id"]})
    assert (other.status_code, other.json()["param"]) == (400, "$.checkout_session_id")


# --- Who, how often -----------------------------------------------------------------------------


@pytest.mark.requirement("ACP-205", "ACP-005")
def test_nobody_elses(agent: PlayedAgent, other: PlayedAgent) -> None:
    """T01: unknown and foreign ids are alike."""
    id = begun(agent)["authentication_session_id"]
    body = {"fingerprint_completion": "Y"}

    for other_id in (id, "das_" + "0" * 32, "das_0", "4242424242424242"):
        got = other.get(f"{AUTHENTICATE}/{other_id}")
        posted = other.post(f"{AUTHENTICATE}/{other_id}/authenticate", body)
        assert got.status_code == posted.status_code == 404
        assert got.json() == posted.json()
        assert got.json()["message"] == "There is no such authentication session."
    assert SandboxAuthentication.objects.get().state == "fingerprint"


@pytest.mark.requirement("ACP-104")
def test_a_key_is_recommended_and_a_conflict_is_409(agent: PlayedAgent) -> None:
    body = authenticating(**PLACE)
    without = [agent.post(AUTHENTICATE, body, key=None).json() for _ in range(2)]
    first, again = (agent.post(AUTHENTICATE, body, key="k1") for _ in range(2))

    conflict = agent.post(AUTHENTICATE, authenticating(5, **PLACE), key="k1")

    assert without[0] != without[1]
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (conflict.status_code, conflict.json()["code"]) == (409, "idempotency_conflict")


@pytest.mark.requirement("ACP-207")
def test_authenticate_may_be_repeated(agent: PlayedAgent) -> None:
    first = begun(agent)

    assert decided(agent, first) == decided(agent, first)


def test_a_silent_bank_is_no_answer(agent: PlayedAgent, wire: Wire) -> None:
    first = begun(agent)
    wire.silent = True
    path = f"{AUTHENTICATE}/{first['authentication_session_id']}/authenticate"

    silent = agent.post(path, {"fingerprint_completion": "Y"}, key="k1")
    wire.silent = False
    again = agent.post(path, {"fingerprint_completion": "Y"}, key="k1")

    assert (silent.status_code, silent.json()["type"]) == (503, "service_unavailable")
    assert again.json()["action"]["type"] == "challenge"


@pytest.mark.requirement("ACP-109", "ACP-209")
def test_who_can_sign_has_to(agent: PlayedAgent) -> None:
    """In the demo; an agent without a signing key is answered there."""
    body = authenticating(**PLACE)
    assert agent.post(AUTHENTICATE, body).status_code == 201
    signing_keys.add_secret(Agent.objects.get(name="Demo agent"))

    unsigned = agent.post(AUTHENTICATE, body)
    forged = agent.post(AUTHENTICATE, body, Signature="A" * 43, Timestamp=timezone.now().isoformat())

    for answer in (unsigned, forged, agent.get(f"{AUTHENTICATE}/das_0")):
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert agent.post("/checkout_sessions", MINIMAL).status_code == 201


@pytest.mark.requirement("ACP-109", "ACP-209")
def test_outside_the_demo_everybody_signs(agent: PlayedAgent, settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "DEMO": False}
    body = authenticating(**PLACE)

    unsigned = agent.post(AUTHENTICATE, body)
    unknown = agent.post(AUTHENTICATE, body, **signed_headers(with_secret("nobody's"), canonical(body)))
    sign = enrolled("Ed25519")
    signed = agent.post(AUTHENTICATE, body, **signed_headers(sign, canonical(body)))
    unsigned_look = agent.get(f"{AUTHENTICATE}/{signed.json()['authentication_session_id']}")
    looked = agent.get(
        f"{AUTHENTICATE}/{signed.json()['authentication_session_id']}", **signed_headers(sign, b"")
    )

    assert [answer.status_code for answer in (unsigned, unknown, unsigned_look)] == [401] * 3
    assert unsigned.json()["code"] == unknown.json()["code"] == "invalid_signature"
    assert (signed.status_code, looked.status_code) == (201, 200)
    assert agent.get("/checkout_sessions/cs_0").status_code == 404, "elsewhere it is the agent's policy"
