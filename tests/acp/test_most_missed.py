"""What implementers of the protocol miss most (acp.md section 7), one small test for each that is built.

Numbers are those of that list. Missing: 16 (3-D Secure), 19 and 20 (webhooks), 25 (markdown).
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from checkout.errors import ProviderUnavailable
from checkout.models import Order
from checkout.payments.sandbox import SandboxProvider
from checkout.ports import Attempt, Outcome
from gateway.models import IdempotentRequest
from tests.agents import ADDRESS, BUYER, MINIMAL, VERSION, PlayedAgent, codes, paying
from tests.parts import plugged

OTP = {"interventions": {"supported": ["otp", "telepathy"], "display_context": "native", "max_redirects": 0}}
OUTCOMES = (
    "abandoned",
    "canceled",
    "denied",
    "internal_error",
    "not_supported",
    "processing_error",
    "rejected",
)


@pytest.mark.requirement("ACP-084")
@pytest.mark.parametrize("verb", ["", "/complete", "/cancel"])
def test_01_every_post_needs_a_key(agent: PlayedAgent, verb: str) -> None:
    session = agent.ready()
    body = paying() if verb == "/complete" else {}

    refused = agent.post(f"/checkout_sessions/{session['id']}{verb}", body, key=None)

    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_required")
    assert agent.retrieve(session) == session


@pytest.mark.requirement("ACP-093", "ACP-094")
def test_02_another_body_is_422_and_a_running_one_409(agent: PlayedAgent) -> None:
    session = agent.ready()
    agent.complete(session, key="k1")
    other = agent.complete(session, paying("spt_other"), key="k1")
    soon = timezone.now() + timedelta(seconds=30)
    IdempotentRequest.objects.filter(key="k1").update(state="in_flight", lease_until=soon)
    running = agent.complete(session, key="k1")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_conflict")
    assert (running.status_code, running.json()["code"]) == (409, "idempotency_in_flight")
    assert int(running.headers["Retry-After"]) >= 1


@pytest.mark.requirement("ACP-091", "ACP-092")
def test_03_a_replay_has_the_first_status_and_body(agent: PlayedAgent) -> None:
    for body, status in ((MINIMAL, 201), ({**MINIMAL, "currency": "xts"}, 400)):
        first, again = (agent.post("/checkout_sessions", body, key=f"k{status}") for _ in range(2))

        assert first.status_code == again.status_code == status
        assert first.content == again.content
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"


@pytest.mark.requirement("ACP-095", "ACP-102")
def test_04_what_failed_on_our_side_is_not_kept(agent: PlayedAgent) -> None:
    session = agent.ready()

    class Down(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            raise ProviderUnavailable

    with plugged(payments=Down()):
        failed = agent.complete(session, key="k1")
    repeated = agent.complete(session, key="k1")

    assert failed.status_code == 503
    assert repeated.json()["status"] == "completed"
    assert "Idempotent-Replayed" not in repeated.headers


@pytest.mark.requirement("ACP-086", "ACP-088")
def test_05_a_key_belongs_to_agent_path_and_meaning(agent: PlayedAgent, other: PlayedAgent) -> None:
    mine = agent.post("/checkout_sessions", MINIMAL, key="k1")
    theirs = other.post("/checkout_sessions", MINIMAL, key="k1")
    elsewhere = agent.post(f"/checkout_sessions/{mine.json()['id']}", {}, key="k1")
    with_null = agent.post(f"/checkout_sessions/{mine.json()['id']}", {"buyer": None}, key="k1")

    assert mine.json()["id"] != theirs.json()["id"]
    assert elsewhere.status_code == 200
    assert with_null.status_code == 422


@pytest.mark.requirement("ACP-007", "ACP-008")
def test_06_a_get_names_its_version_too(agent: PlayedAgent) -> None:
    session = agent.create()

    for version in (None, "2020-01-01"):
        refused = agent.get(f"/checkout_sessions/{session['id']}", **{"API-Version": version})

        assert refused.status_code == 400
        assert VERSION in refused.json()["supported_versions"]


@pytest.mark.requirement("ACP-012", "ACP-013")
def test_07_key_and_request_id_come_back_with_errors(agent: PlayedAgent) -> None:
    refused = agent.post("/checkout_sessions", {"x": 1}, key="k1", **{"Request-Id": "r1"})

    assert refused.status_code == 400
    assert (refused.headers["Idempotency-Key"], refused.headers["Request-Id"]) == ("k1", "r1")


@pytest.mark.requirement("ACP-049", "ACP-051", "ACP-053", "ACP-124")
def test_08_12_13_every_answer_is_whole(agent: PlayedAgent) -> None:
    """Capabilities and lists in all of them, no null, a text at every total."""
    session = agent.ready()
    answers = [session, agent.update(session, {}), agent.retrieve(session), agent.complete(session).json()]
    answers.append(agent.cancel(agent.create()).json())

    for answer in answers:
        for name in ("fulfillment_options", "messages", "links", "line_items", "totals"):
            assert isinstance(answer[name], list), name
        assert answer["capabilities"]["payment"]["handlers"]
        sums = list(answer["totals"])
        for part in (*answer["line_items"], *answer["fulfillment_options"]):
            sums += part["totals"]
        assert all(entry["display_text"] and type(entry["amount"]) is int for entry in sums)
        assert None not in answer.values()


@pytest.mark.requirement("ACP-126", "ACP-127", "ACP-131")
def test_09_10_the_intersection_and_nothing_else(agent: PlayedAgent) -> None:
    assert agent.create(capabilities=OTP)["capabilities"]["interventions"] == {"supported": ["otp"]}


@pytest.mark.requirement("ACP-134", "ACP-135")
def test_11_a_mismatch_is_a_session_and_told_at_create(agent: PlayedAgent) -> None:
    session = agent.create("item_sneakers", fulfillment_details={"address": ADDRESS})

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["intervention_required"]


@pytest.mark.requirement("ACP-017", "ACP-020")
def test_14_business_in_messages_and_protocol_in_errors(agent: PlayedAgent) -> None:
    sold_out = agent.create("item_none", fulfillment_details={"address": ADDRESS})
    refused = agent.post("/checkout_sessions", {**MINIMAL, "items": []})

    assert codes(sold_out) == ["out_of_stock"]
    assert refused.status_code == 400
    assert set(refused.json()) == {"type", "code", "message", "param"}


@pytest.mark.requirement("ACP-040", "ACP-041")
def test_15_cancel_takes_no_body_and_comes_once(agent: PlayedAgent) -> None:
    session = agent.create()

    assert agent.cancel(session).json()["status"] == "canceled"
    assert agent.cancel(session).status_code == 405


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_17_every_outcome_is_accepted_and_trusted_by_nobody(agent: PlayedAgent, outcome: str) -> None:
    """ACP-169, ACP-173: nobody asked for it here, so it decides nothing."""
    body = {**paying(), "authentication_result": {"outcome": outcome}}

    assert agent.complete(agent.ready(), body).json()["status"] == "completed"


@pytest.mark.requirement("ACP-033", "ACP-037")
def test_18_completed_only_with_an_order(agent: PlayedAgent) -> None:
    session = agent.ready()

    class Silent(SandboxProvider):
        def authorize(self, attempt: Attempt) -> Outcome:
            super().authorize(attempt)
            raise ProviderUnavailable

    with plugged(payments=Silent()):
        agent.complete(session)
    seen = agent.retrieve(session)

    assert seen["status"] == "complete_in_progress"
    assert "order" not in seen
    assert not Order.objects.exists()


def test_21_an_unknown_reason_is_accepted_and_never_returned(agent: PlayedAgent) -> None:
    """ACP-277, ACP-279."""
    answer = agent.cancel(agent.create(), {"intent_trace": {"reason_code": "phase_of_the_moon"}})

    assert answer.status_code == 200
    assert "moon" not in answer.content.decode()


@pytest.mark.requirement("ACP-233", "ACP-235", "ACP-238")
def test_22_discovery_at_the_root_and_open_to_everybody(agent: PlayedAgent) -> None:
    answer = agent.http.get("/.well-known/acp.json")

    document = answer.json()
    assert answer.status_code == 200
    assert "public" in answer.headers["Cache-Control"]
    assert document["protocol"]["supported_versions"][-1] == document["protocol"]["version"]
    assert "sandbox" not in answer.content.decode()


def test_23_silence_is_no_consent(agent: PlayedAgent) -> None:
    """ACP-271, ACP-273: left out, or for a channel nobody offered; neither is kept or shown."""
    consents = {"marketing_consents": [{"channel": "email", "opted_in": True}]}

    for body in (paying(), {**paying(), **consents}):
        paid = agent.complete(agent.ready(), body)

        assert paid.json()["status"] == "completed"
        assert "consent" not in paid.content.decode()


@pytest.mark.requirement("ACP-079")
def test_24_a_contact_alone_leaves_the_address(agent: PlayedAgent) -> None:
    updated = agent.update(agent.ready(), {"fulfillment_details": {"name": "Porter"}})

    assert updated["fulfillment_details"] == {"address": ADDRESS, "name": "Porter"}


@pytest.mark.requirement("ACP-147", "ACP-148", "IT-12", "IT-33")
def test_25_the_hint_is_masked_and_the_context_goes(agent: PlayedAgent) -> None:
    session = agent.create(
        "item_sneakers", capabilities=OTP, fulfillment_details={"address": ADDRESS}, buyer=BUYER
    )
    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        later = agent.retrieve(session)

    assert session["intervention_context"]["challenge_hint"] == "a***@example.com"
    assert "intervention_context" not in later
