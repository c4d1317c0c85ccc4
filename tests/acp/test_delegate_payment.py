"""A card for a token: requirements N, the sandbox vault, and what its tokens are good for."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.models import Payment, SandboxCharge, SandboxToken
from checkout.payments.sandbox_vault import SandboxVault
from checkout.payments.vault import VaultToken
from gateway.conf import conf
from gateway.models import IdempotentRequest
from tests.agents import PlayedAgent, codes, paying, total
from tests.cards import (
    ASKED,
    AUTHENTICATE,
    DELEGATE,
    GOOD,
    REFUSED,
    authenticating,
    delegating,
    later,
    token_for,
)
from tests.parts import plugged


@pytest.mark.requirement("ACP-197", "ACP-198", "ACP-199", "ACP-203")
def test_a_card_is_exchanged_for_a_token(agent: PlayedAgent) -> None:
    body = delegating()
    body["billing_address"] = {
        "name": "Ada Lovelace",
        "line_one": "1 Market Street",
        "city": "San Francisco",
        "state": "CA",
        "country": "US",
        "postal_code": "94105",
    }

    answer = agent.post(DELEGATE, body, key="k1")

    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "created", "metadata"}
    assert answer.json()["id"].startswith("vt_")
    assert answer.json()["metadata"] == {"campaign": "q4"}
    assert datetime.fromisoformat(answer.json()["created"]) <= timezone.now()
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Idempotency-Key"] == "k1"


@pytest.mark.requirement("ACP-198", "ACP-204")
@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"exp_month": "13"}, "exp_month"),
        ({"exp_month": "1"}, "exp_month"),
        ({"exp_year": "34"}, "exp_year"),
        ({"cvc": "12345"}, "cvc"),
        ({"cvc": "12a"}, "cvc"),
        ({"iin": "424242424"}, "iin"),
        ({"display_last4": "42"}, "display_last4"),
        ({"display_card_funding_type": "cash"}, "display_card_funding_type"),
        ({"card_number_type": "pan"}, "card_number_type"),
        ({"type": "bank"}, "type"),
        ({"number": "4242"}, "number"),
        ({"number": "4242 4242 4242 4242"}, "number"),
        ({"eci_value": "055"}, "eci_value"),
        ({"checks_performed": ["luck"]}, "checks_performed[0]"),
        ({"metadata": {"n": 1}}, "metadata.n"),
        ({"surplus": "x"}, "surplus"),
    ],
)
def test_a_card_that_is_none(agent: PlayedAgent, changed: dict[str, Any], param: str) -> None:
    answer = agent.post(DELEGATE, delegating(card=changed))

    assert answer.status_code == 400
    assert answer.json()["type"] == "invalid_request"
    assert answer.json()["code"] == "invalid_card"
    assert answer.json()["param"] == f"$.payment_method.{param}"
    assert not SandboxToken.objects.exists()


@pytest.mark.requirement("ACP-198", "ACP-200")
@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"reason": "always"}, "reason"),
        ({"max_amount": 1.5}, "max_amount"),
        ({"max_amount": -1}, "max_amount"),
        ({"currency": "USD"}, "currency"),
        ({"merchant_id": "m" * 257}, "merchant_id"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"surplus": "x"}, "surplus"),
    ],
)
def test_an_allowance_that_is_none(agent: PlayedAgent, changed: dict[str, Any], param: str) -> None:
    answer = agent.post(DELEGATE, delegating(allowance=changed))

    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["param"]) == ("invalid", f"$.allowance.{param}")
    assert not SandboxToken.objects.exists()


@pytest.mark.requirement("ACP-198")
@pytest.mark.parametrize("name", ["payment_method", "allowance", "risk_signals", "metadata"])
def test_a_missing_part(agent: PlayedAgent, name: str) -> None:
    body = delegating()
    del body[name]

    answer = agent.post(DELEGATE, body)

    assert answer.status_code == 400
    assert answer.json()["param"] == f"$.{name}"
    assert answer.json()["code"] == ("invalid_card" if name == "payment_method" else "invalid")


@pytest.mark.requirement("ACP-201")
@pytest.mark.parametrize(
    ("number", "card", "param"),
    [
        ("4242424242424241", {}, "number"),
        ("4111111111111111", {}, "number"),
        (GOOD, {"exp_month": "01", "exp_year": "2020"}, "exp_year"),
    ],
)
def test_a_card_that_nobody_can_pay_with(
    agent: PlayedAgent, number: str, card: dict[str, Any], param: str
) -> None:
    """Its check digit, a card that is not published for testing, one that has expired."""
    answer = agent.post(DELEGATE, delegating(number=number, card=card))

    assert answer.status_code == 422
    assert (answer.json()["type"], answer.json()["code"]) == ("invalid_request", "invalid_card")
    assert answer.json()["param"] == f"$.payment_method.{param}"
    assert number not in answer.content.decode()
    assert not SandboxToken.objects.exists()


def test_a_card_is_good_until_its_month_is_over(agent: PlayedAgent) -> None:
    with time_machine.travel("2031-11-30T23:00:00Z", tick=False):
        good = delegating(card={"exp_month": "11", "exp_year": "2031"})
        assert agent.post(DELEGATE, good).status_code == 201
    with time_machine.travel("2031-12-01T00:00:01Z", tick=False):
        over = delegating(card={"exp_month": "11", "exp_year": "2031"})
        assert agent.post(DELEGATE, over).status_code == 422


# --- Idempotency --------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-202", "ACP-201", "ACP-084")
def test_a_key_is_needed(agent: PlayedAgent) -> None:
    answer = agent.post(DELEGATE, delegating(), key=None)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_required")
    assert not SandboxToken.objects.exists()


@pytest.mark.requirement("ACP-202", "ACP-091", "ACP-092")
def test_a_repeat_is_answered_alike_and_stores_nothing(agent: PlayedAgent) -> None:
    body = delegating()

    first, again = (agent.post(DELEGATE, body, key="k1") for _ in range(2))

    assert first.content == again.content
    assert again.status_code == 201
    assert again.headers["Idempotent-Replayed"] == "true"
    assert SandboxToken.objects.count() == 1


@pytest.mark.requirement("ACP-202", "ACP-103")
def test_what_is_kept_for_a_repeat_pays_for_nothing(agent: PlayedAgent) -> None:
    """T71: neither the idempotency row nor the vault's has the token, or anything of the card."""
    token = agent.post(DELEGATE, delegating(), key="k1").json()["id"]

    kept = json.dumps([*IdempotentRequest.objects.values(), *SandboxToken.objects.values()], default=str)
    assert token not in kept
    assert GOOD not in kept


@pytest.mark.requirement("ACP-202", "ACP-091")
def test_a_refusal_is_repeated_too(agent: PlayedAgent) -> None:
    body = delegating(number="4111111111111111")

    first, again = (agent.post(DELEGATE, body, key="k1") for _ in range(2))

    assert first.content == again.content
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (422, "true")


@pytest.mark.requirement("ACP-202", "ACP-093")
def test_the_key_with_another_card_is_a_conflict(agent: PlayedAgent) -> None:
    agent.post(DELEGATE, delegating(), key="k1")

    answer = agent.post(DELEGATE, delegating(number=REFUSED), key="k1")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_conflict")
    assert SandboxToken.objects.count() == 1


class Stumbling(SandboxVault):
    """Stores the card, and is not heard of the first time."""

    def __init__(self) -> None:
        self.calls = 0

    def store(self, *args: Any, **options: Any) -> VaultToken:
        self.calls += 1
        stored = super().store(*args, **options)
        if self.calls == 1:
            raise ProviderUnavailable
        return stored


@pytest.mark.requirement("ACP-202", "ACP-095", "ACP-098", "ACP-201")
def test_a_vault_without_an_answer_is_asked_again_under_the_same_key(agent: PlayedAgent) -> None:
    body = delegating()
    with plugged(vault=Stumbling()):
        first = agent.post(DELEGATE, body, key="k1")
        again = agent.post(DELEGATE, body, key="k1")

    assert (first.status_code, first.json()["type"]) == (503, "service_unavailable")
    assert int(first.headers["Retry-After"]) > 0
    assert again.status_code == 201
    assert "Idempotent-Replayed" not in again.headers
    assert SandboxToken.objects.count() == 1


@pytest.mark.requirement("ACP-202", "ACP-094")
def test_a_second_request_while_the_first_runs(agent: PlayedAgent) -> None:
    body, heard = delegating(), []

    class Asking(SandboxVault):
        def store(self, *args: Any, **options: Any) -> VaultToken:
            heard.append(agent.post(DELEGATE, body, key="k1"))
            return super().store(*args, **options)

    with plugged(vault=Asking()):
        assert agent.post(DELEGATE, body, key="k1").status_code == 201

    assert (heard[0].status_code, heard[0].json()["code"]) == (409, "idempotency_in_flight")
    assert int(heard[0].headers["Retry-After"]) > 0


@pytest.mark.requirement("ACP-202", "ACP-096")
def test_a_key_that_was_forgotten_is_of_another_card(agent: PlayedAgent) -> None:
    """Past the keeping time it names a new request, with a token of its own."""
    first = agent.post(DELEGATE, delegating(), key="k1").json()["id"]

    with time_machine.travel(timezone.now() + timedelta(hours=conf().IDEMPOTENCY_KEEP_HOURS + 1), tick=False):
        session = agent.ready()
        second = agent.post(DELEGATE, delegating(session["id"], REFUSED), key="k1")
        paid = agent.complete(session, paying(second.json()["id"]))

    assert second.status_code == 201
    assert second.json()["id"] != first
    assert Payment.objects.get().decline_code == "card_declined", paid.json()


# --- Where it is, and where not -------------------------------------------------------------------


@pytest.mark.requirement("ACP-197", "ACP-236")
def test_without_a_vault_there_is_nothing_here(agent: PlayedAgent) -> None:
    assert agent.http.get("/.well-known/acp.json").json()["capabilities"]["services"] == [
        "checkout",
        "delegate_payment",
        "carts",
    ]
    with plugged(vault=None, authenticator=None):
        absent = agent.post(DELEGATE, delegating())
        nowhere = agent.post("/agentic_commerce/nothing", delegating())
        discovered = agent.http.get("/.well-known/acp.json").json()
        unasked = agent.get("/delegate_authentication/das_0")

    assert absent.status_code == nowhere.status_code == unasked.status_code == 404
    assert absent.json() == nowhere.json() == unasked.json()
    assert discovered["capabilities"]["services"] == ["checkout", "carts"]
    assert not SandboxToken.objects.exists()


@pytest.mark.requirement("ACP-201")
def test_who_asks_too_fast_hears_it_in_these_words(
    agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway import throttling
    from gateway.errors import RateLimited

    asked: list[str] = []

    def refuse(owner: str, kind: str) -> None:
        asked.append(kind)
        raise RateLimited(retry_after=7)

    monkeypatch.setattr(throttling, "check", refuse)

    answer = agent.post(DELEGATE, delegating())

    assert asked == [throttling.CARDS]
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert answer.json()["type"] == "rate_limit_exceeded"
    assert answer.json()["code"] == "too_many_requests"


@pytest.mark.requirement("ACP-201", "ACP-003")
def test_nobody_without_a_key_gets_a_card_in(agent: PlayedAgent) -> None:
    answer = agent.post(DELEGATE, delegating(), Authorization=None)

    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert not SandboxToken.objects.exists()


@pytest.mark.parametrize(
    "place", ["metadata", "card metadata", "name", "brand", "address", "a name", "order"]
)
def test_the_number_is_in_its_own_place_only(agent: PlayedAgent, place: str) -> None:
    """T94: what is echoed or kept holds no number of a card."""
    grouped = "4242 4242-4242 4242"
    body = delegating()
    match place:
        case "metadata":
            body["metadata"] = {"note": f"it is {grouped}"}
        case "card metadata":
            body["payment_method"]["metadata"] = {"x": GOOD}
        case "name":
            body["payment_method"]["name"] = grouped
        case "brand":
            body["payment_method"]["display_brand"] = f"visa{GOOD}"
        case "address":
            body["billing_address"] = {"line_one": grouped}
        case "a name":
            body["metadata"] = {GOOD: "x"}
        case "order":
            body["allowance"]["checkout_session_id"] = f"cs_{GOOD}"

    answer = agent.post(DELEGATE, body, key="k1")

    assert (answer.status_code, answer.json()["code"]) == (400, "raw_card_data_not_accepted")
    assert GOOD not in answer.content.decode()
    assert not IdempotentRequest.objects.exists()
    assert not SandboxToken.objects.exists()


@pytest.mark.requirement("T94")
@pytest.mark.parametrize("key", ["card-{}", "{}-1", "4242-4242-4242-4242/1", "{}"])
@pytest.mark.parametrize("path", [DELEGATE, AUTHENTICATE])
def test_the_number_is_in_no_key_either(agent: PlayedAgent, path: str, key: str) -> None:
    """A key is stored as it is, sent back, and shown to operators."""
    body = delegating() if path == DELEGATE else authenticating(number=GOOD)

    answer = agent.post(path, body, key=key.format(GOOD))

    assert (answer.status_code, answer.json()["code"]) == (400, "raw_card_data_not_accepted")
    assert "Idempotency-Key" not in answer.headers
    assert not IdempotentRequest.objects.exists()
    assert not SandboxToken.objects.exists()


def test_everywhere_else_a_card_is_refused_as_before(agent: PlayedAgent) -> None:
    session = agent.ready()

    answer = agent.complete(session, {"payment_data": delegating()["payment_method"]})

    assert (answer.status_code, answer.json()["code"]) == (400, "raw_card_data_not_accepted")


# --- What a token is good for ---------------------------------------------------------------------


@pytest.mark.requirement("ACP-200", "ACP-183")
def test_a_token_pays_for_its_session(agent: PlayedAgent) -> None:
    session = agent.ready()

    paid = agent.complete(session, paying(token_for(agent, session)))

    assert paid.json()["status"] == "completed"
    assert SandboxToken.objects.get().used_by == Payment.objects.get().id


@pytest.mark.requirement("ACP-200", "ACP-183")
@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"max_amount": 10}, "above_allowance"),
        ({"currency": "eur"}, "another_currency"),
        ({"checkout_session_id": "cs_1"}, "another_session"),
        ({"merchant_id": "somebody-else"}, "another_merchant"),
    ],
)
def test_outside_of_its_allowance_a_token_pays_for_nothing(
    agent: PlayedAgent, changed: dict[str, Any], code: str
) -> None:
    session = agent.ready()

    refused = agent.complete(session, paying(token_for(agent, session, allowance=changed)))

    assert refused.status_code == 200
    assert refused.json()["status"] == "ready_for_payment"
    assert "payment_declined" in codes(refused.json())
    assert Payment.objects.get().decline_code == code
    assert SandboxToken.objects.get().used_by == ""
    assert SandboxCharge.objects.get().outcome == "declined"


@pytest.mark.requirement("ACP-183")
def test_the_most_that_is_allowed_is_allowed(agent: PlayedAgent) -> None:
    session = agent.ready()
    exactly = {"max_amount": total(session)}

    assert agent.complete(session, paying(token_for(agent, session, allowance=exactly))).json()["order"]


@pytest.mark.requirement("ACP-200")
def test_a_token_is_dead_when_its_time_is_over(agent: PlayedAgent) -> None:
    session = agent.ready()
    token = token_for(agent, session, allowance={"expires_at": later(minutes=1)})

    with time_machine.travel(timezone.now() + timedelta(minutes=2), tick=False):
        refused = agent.complete(session, paying(token))

    assert "payment_declined" in codes(refused.json())
    assert Payment.objects.get().decline_code == "token_expired"


@pytest.mark.requirement("ACP-200")
def test_a_token_is_for_one_payment(agent: PlayedAgent) -> None:
    """The card behind it was declined: it was used, and is not good for a second try."""
    session = agent.ready()
    token = token_for(agent, session, REFUSED)

    first, second = (agent.complete(session, paying(token)) for _ in range(2))

    assert "payment_declined" in codes(first.json())
    assert "payment_declined" in codes(second.json())
    found = [payment.decline_code for payment in Payment.objects.order_by("created_at")]
    assert found == ["card_declined", "token_used"]


def test_the_token_of_another_agent_pays_for_nothing_of_mine(agent: PlayedAgent, other: PlayedAgent) -> None:
    """T01: it is for a session, and that is not this one."""
    theirs, mine = other.ready(), agent.ready()
    token = token_for(other, theirs)

    assert "payment_declined" in codes(agent.complete(mine, paying(token)).json())
    assert other.complete(theirs, paying(token)).json()["status"] == "completed"


@pytest.mark.parametrize("token", ["vt_", "vt_" + "0" * 64, "vt_ok"])
def test_an_invented_token_pays_for_nothing(agent: PlayedAgent, token: str) -> None:
    session = agent.ready()

    assert "payment_declined" in codes(agent.complete(session, paying(token)).json())
    assert Payment.objects.get().decline_code == "unknown_token"


def test_a_card_whose_bank_asks_is_asked(agent: PlayedAgent, wire: Any) -> None:
    session = agent.ready(capabilities={"interventions": {"supported": ["3ds"]}})

    asked = agent.complete(session, paying(token_for(agent, session, ASKED)))

    assert asked.json()["status"] == "authentication_required"
