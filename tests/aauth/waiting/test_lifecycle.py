"""A call that waits for a person, from the 202 to each of its ends (AA-001 to AA-031, AA-059, AA-116)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.db import OperationalError
from django.utils import timezone

from checkout import approvals
from checkout.models import Approval, CheckoutSession, Order, Payment, SandboxCharge
from gateway import delivery
from gateway.aauth import codes, moves, resuming
from gateway.models import IdempotentRequest
from gateway.pending_models import PendingRequest
from interventions import services, visits
from interventions.models import Intervention
from tests.aauth.waiting.played import NamedAgent, believe, problem, row
from tests.acp.test_one_time_code import code_in_mail, wrong
from tests.agents import ADDRESS, BUYER, PlayedAgent, paying
from tests.agents import codes as messages

if TYPE_CHECKING:
    from django.http import HttpResponse
    from pytest_django import Settings

DETAILS = {"address": ADDRESS, "email": "ada@example.com"}
OTP = {"interventions": {"supported": ["otp"]}}
PENS = {"line_items": [{"id": "item_pens", "quantity": 5}]}
PENDING = "http://localhost:8000/agentic/aauth/pending/"
PAGE = "http://localhost:8000/agentic/aauth/i/"
REQUIRED = re.compile(
    r'requirement=interaction; url="([^"?#]+)"; code="([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4})"'
)


def sneakers(named: NamedAgent, **members: Any) -> HttpResponse:
    """A create that waits: its buyer must confirm by a code, and the agent cannot ask for it itself."""
    given = {"fulfillment_details": DETAILS, "buyer": BUYER, **members}
    response = named.create("item_sneakers", **given)
    assert response.status_code == 202, response.content
    return response


def asked(response: HttpResponse) -> HttpResponse:
    """The answer is a 202 that is complete in itself."""
    assert response.status_code == 202, response.content
    assert response.headers["Location"].startswith(PENDING)
    assert 2 <= int(response.headers["Retry-After"]) <= 30
    assert response.headers["Cache-Control"] == "no-store"
    body = response.json()
    assert body["status"] in ("pending", "interacting")
    assert body["checkout_session_id"].startswith("cs_")
    assert body["expires_at"].endswith("Z")
    return response


def confirmed(subject: str) -> None:
    """The person proves to be the buyer, wherever that happens."""
    answered = services.answer(subject, "otp", code_in_mail())
    assert answered.outcome == "right"


def refused(subject: str) -> None:
    """The person says no."""
    found = Intervention.objects.get(subject=subject, state__in=("pending", "interacting"))
    visits.enter(found.pk, "their browser")
    visits.refuse(found.pk, "their browser")


@pytest.mark.requirement("AA-001", "AA-002", "AA-003", "AA-004", "AA-005", "AA-006", "AA-050", "AA-051")
def test_a_call_that_needs_a_person_says_so(named: NamedAgent) -> None:
    response = asked(sneakers(named))

    found = REQUIRED.fullmatch(response.headers["AAuth-Requirement"])
    assert found is not None
    assert found[1].startswith(PAGE)
    assert response.headers["Retry-After"] == "5"
    assert response.json()["status"] == "pending"
    assert response.json()["intervention_type"] == "otp"
    assert "ada@example.com" not in response.content.decode()


@pytest.mark.requirement("AA-007", "AA-020", "AA-022")
def test_each_poll_is_answered_as_completely(named: NamedAgent) -> None:
    parked = sneakers(named)
    first, second = asked(named.poll(parked)), None
    with time_machine.travel(timezone.now() + timedelta(seconds=5), tick=False):
        second = asked(named.poll(parked))

    for header in ("Location", "AAuth-Requirement", "Retry-After", "Cache-Control"):
        assert first.headers[header] == second.headers[header] == parked.headers[header]
    assert first.json() == second.json() == parked.json()
    assert len(parked.headers["Location"].removeprefix(PENDING)) == 96


@pytest.mark.requirement("AA-027", "AA-028", "AA-008")
def test_the_end_is_told_once_and_the_session_goes_on(named: NamedAgent) -> None:
    parked = sneakers(named)
    subject = parked.json()["checkout_session_id"]
    confirmed(subject)

    done = named.poll(parked)

    assert done.status_code == 200
    assert done.json()["status"] == "ready_for_payment"
    assert "AAuth-Requirement" not in done.headers
    assert done.json() == named.retrieve(subject)
    gone = named.poll(parked)
    assert problem(gone) == (410, "gone")
    assert subject in gone.json()["detail"]
    assert problem(named.withdraw(parked)) == (410, "gone")
    assert named.complete(subject).json()["status"] == "completed"


@pytest.mark.requirement("AA-011")
@pytest.mark.parametrize("told", [(), ("clarification",), ("payment", "somethingelse")])
def test_without_the_capability_everything_is_as_ever(named: NamedAgent, told: tuple[str, ...]) -> None:
    """Word for word what an agent with a key is answered."""
    named.capabilities = told
    given = {"fulfillment_details": DETAILS, "buyer": BUYER}
    lines = [{"id": "item_sneakers"}]
    plain = PlayedAgent().create(*lines, **given)
    response = named.create("item_sneakers", **given)

    assert response.status_code == 201
    own = response.json()
    changing = ("id", "created_at", "updated_at", "expires_at", "line_items")
    assert {**own, **dict.fromkeys(changing)} == {**plain, **dict.fromkeys(changing)}
    assert messages(own) == ["intervention_required"]
    assert not PendingRequest.objects.exists()


@pytest.mark.requirement("AA-011")
def test_what_the_agent_does_inline_is_not_parked_before_it_completes(named: NamedAgent) -> None:
    response = named.create("item_sneakers", capabilities=OTP, fulfillment_details=DETAILS, buyer=BUYER)

    assert response.status_code == 201
    assert response.json()["intervention_context"]["intervention_type"] == "otp"
    waits = asked(named.complete(response.json()["id"]))
    assert waits.json()["intervention_type"] == "otp"


@pytest.mark.requirement("AA-007", "AA-027")
def test_a_complete_is_carried_out_once_its_person_has_confirmed(named: NamedAgent) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    assert not Payment.objects.exists()
    stands = named.retrieve(subject)
    assert stands["status"] == "authentication_required"
    assert stands["intervention_context"]["intervention_type"] == "otp"

    confirmed(subject)
    done = named.poll(parked)

    assert done.status_code == 200
    assert done.json()["status"] == "completed"
    assert done.json()["order"]["checkout_session_id"] == subject
    assert Order.objects.count() == SandboxCharge.objects.count() == 1


@pytest.mark.requirement("AA-007")
def test_the_relay_carries_it_out_without_any_poll(named: NamedAgent) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    confirmed(subject)

    delivery.deliver_due()

    assert Order.objects.count() == 1
    assert {entry.state for entry in PendingRequest.objects.all()} == {"resolved"}
    assert named.poll(parked).json()["status"] == "completed"


@pytest.mark.requirement("AA-027")
def test_a_refused_card_is_an_answer_and_no_error(named: NamedAgent) -> None:
    """A business outcome: 200 with the session."""
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject, paying("spt_sandbox_declined")))
    confirmed(subject)

    done = named.poll(parked)

    assert done.status_code == 200
    assert done.json()["status"] == "ready_for_payment"
    assert messages(done.json()) == ["payment_declined"]
    assert not Order.objects.exists()


def test_nothing_is_charged_but_what_the_agent_saw(named: NamedAgent) -> None:
    """The cart grew after it completed: the person confirmed the new one, the agent has not seen it."""
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    asked(named.update(subject, {"line_items": [{"id": "item_sneakers", "quantity": 2}]}))
    confirmed(subject)

    done = named.poll(parked)

    assert done.status_code == 200
    assert messages(done.json()) == ["price_change"]
    assert not SandboxCharge.objects.exists()
    assert named.complete(subject).json()["status"] == "completed"


@pytest.mark.requirement("AA-027", "AA-029", "AA-030")
def test_a_no_is_denied(named: NamedAgent) -> None:
    parked = sneakers(named)
    subject = parked.json()["checkout_session_id"]
    complete = asked(named.complete(subject))
    for _ in range(5):
        services.answer(subject, "otp", wrong(code_in_mail()))

    for waits in (parked, complete):
        said = named.poll(waits)
        assert problem(said) == (403, "denied")
        assert not [name for name in said.headers if name.lower().startswith(("signature", "accept-sig"))]
        assert problem(named.poll(waits)) == (410, "gone")
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("AA-027", "AA-078", "AA-057")
def test_nobody_came(named: NamedAgent) -> None:
    parked = sneakers(named)
    subject = parked.json()["checkout_session_id"]
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        assert problem(named.poll(parked)) == (408, "expired")
    assert set(Intervention.objects.values_list("state", flat=True)) <= {"expired", "canceled"}
    assert CheckoutSession.objects.get(pk=subject).state == "open"


@pytest.mark.requirement("AA-027", "AA-077", "AA-078")
def test_somebody_came_and_did_not_finish(named: NamedAgent) -> None:
    parked = sneakers(named)
    moves.move(row(), "interacting")
    shown = asked(named.poll(parked))
    assert shown.json()["status"] == "interacting"
    assert shown.headers["Retry-After"] == "2"

    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        resuming.sweep()
        assert problem(named.poll(parked)) == (403, "abandoned")


@pytest.mark.requirement("AA-027", "AA-056")
def test_too_many_wrong_codes_end_it(named: NamedAgent) -> None:
    from gateway.aauth import ending

    parked = sneakers(named)
    ending.end(row(), "invalid_code")

    assert problem(named.poll(parked)) == (410, "invalid_code")
    assert not Intervention.objects.filter(state__in=("pending", "interacting")).exists()


@pytest.mark.requirement("AA-027")
def test_a_call_that_cannot_be_carried_out_fails_and_the_next_may_start_over(
    named: NamedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of ours breaks each time: the call waits as long as it may, and is then said to have failed."""
    from gateway.acp import held

    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    confirmed(subject)

    def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(held, "replace", broken)
    waits = asked(named.poll(parked))
    assert "AAuth-Requirement" not in waits.headers
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        assert problem(named.poll(parked)) == (500, "server_error")
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("AA-031", "AA-027")
def test_the_agent_withdraws(named: NamedAgent) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject))
    first = PendingRequest.objects.order_by("created_at").first()
    assert first is not None

    response = named.withdraw(parked)

    assert (response.status_code, response.content) == (204, b"")
    assert problem(named.poll(parked)) == (410, "gone")
    assert problem(named.withdraw(parked)) == (410, "gone")
    # The create waits for the same person, and goes on.
    assert Intervention.objects.get().state == "pending"
    assert named.send("DELETE", codes.pending_url(first)).status_code == 204
    ended = Intervention.objects.get()
    assert (ended.state, ended.ended_by) == ("canceled", named.owner)
    assert not PendingRequest.objects.exclude(held_body="").exists()
    assert messages(named.retrieve(subject)) == ["expired"]


@pytest.mark.requirement("AA-021")
def test_nobody_else_can_ask_answer_or_withdraw(named: NamedAgent) -> None:
    """What was never made, what is somebody else's, and what has ended answer the same."""
    parked = sneakers(named)
    stranger = NamedAgent("stranger")
    location = parked.headers["Location"]
    other = location[:-1] + ("0" if location[-1] != "0" else "1")
    told = set()
    for url in (location, other, PENDING + "x", PENDING + "0" * 96, PENDING + "4111111111111111"):
        for method in ("GET", "POST", "DELETE"):
            body = {"action": "clarification_response"} if method == "POST" else None
            answer = stranger.send(method, url, body)
            assert problem(answer) == (404, "not_found")
            told.add((answer.content, tuple(sorted(answer.headers.items()))))
    assert len(told) == 1
    refused_key = named.http.get(location[len("http://localhost:8000") :])
    assert problem(refused_key) == (401, "invalid_signature")
    bearer = PlayedAgent().http.get(
        location[len("http://localhost:8000") :], headers={"Authorization": "Bearer demo-agent-key"}
    )
    assert problem(bearer) == (401, "invalid_signature")
    assert asked(named.poll(parked))
    confirmed(parked.json()["checkout_session_id"])
    assert problem(stranger.poll(parked)) == (404, "not_found")
    assert named.poll(parked).status_code == 200
    assert problem(stranger.poll(parked)) == (404, "not_found")


@pytest.mark.requirement("AA-059")
def test_a_repeat_names_the_same_and_later_the_end(named: NamedAgent) -> None:
    body = {"fulfillment_details": DETAILS, "buyer": BUYER}
    first = named.create("item_sneakers", key="k1", **body)
    again = named.create("item_sneakers", key="k1", **body)
    assert again.status_code == 202
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["AAuth-Requirement"] == first.headers["AAuth-Requirement"]
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotency-Key"] == "k1"
    assert PendingRequest.objects.count() == CheckoutSession.objects.count() == 1
    assert named.create("item_mug", key="k1", **body).status_code == 422

    confirmed(first.json()["checkout_session_id"])
    done = named.poll(first)
    replayed = [named.create("item_sneakers", key="k1", **body) for _ in range(2)]
    assert {answer.status_code for answer in replayed} == {200}
    assert [answer.json() for answer in replayed] == [done.json()] * 2
    assert replayed[0].headers["Idempotent-Replayed"] == "true"


@pytest.mark.requirement("AA-059")
def test_a_repeated_complete_charges_once(named: NamedAgent) -> None:
    subject = sneakers(named).json()["checkout_session_id"]
    parked = asked(named.complete(subject, key="pay"))
    asked(named.complete(subject, key="pay"))
    confirmed(subject)

    assert named.poll(parked).json()["status"] == "completed"
    again = named.complete(subject, key="pay")
    assert again.json()["status"] == "completed"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert SandboxCharge.objects.count() == Order.objects.count() == 1


@pytest.mark.requirement("AA-116")
def test_several_calls_wait_each_for_itself(named: NamedAgent) -> None:
    one, two = sneakers(named), sneakers(named)
    assert one.headers["Location"] != two.headers["Location"]
    assert one.headers["AAuth-Requirement"] != two.headers["AAuth-Requirement"]

    found = Intervention.objects.get(subject=one.json()["checkout_session_id"])
    code_in_mail()
    visits.settle(found, "passed", actor="somebody")  # type: ignore[arg-type]

    assert named.poll(one).status_code == 200
    asked(named.poll(two))


@pytest.mark.requirement("AA-010", "AA-009")
def test_the_merchant_looks_at_it(named: NamedAgent) -> None:
    ready = named.create("item_mug", fulfillment_details=DETAILS).json()
    named.update(ready["id"], PENS)
    parked = asked(named.complete(ready["id"]))

    assert parked.headers["AAuth-Requirement"] == "requirement=approval"
    assert parked.headers["Retry-After"] == "30"
    assert parked.json()["intervention_type"] == "approval"
    assert named.retrieve(ready["id"])["status"] == "pending_approval"

    approvals.decide(Approval.objects.get(), approved=True, actor="operator", reason="")
    done = named.poll(parked)
    assert done.json()["status"] == "completed"


def test_the_merchant_says_no(named: NamedAgent) -> None:

    ready = named.create("item_mug", fulfillment_details=DETAILS).json()
    named.update(ready["id"], PENS)
    parked = asked(named.complete(ready["id"]))
    approvals.decide(Approval.objects.get(), approved=False, actor="operator", reason="")

    said = named.poll(parked)
    assert problem(said) == (403, "denied")
    assert "merchant" in said.json()["detail"]


@pytest.mark.requirement("AA-024")
def test_only_who_asks_far_too_fast_is_told(named: NamedAgent) -> None:
    parked = sneakers(named)
    now = timezone.now()
    with time_machine.travel(now, tick=False) as clock:
        asked(named.poll(parked))
        clock.shift(timedelta(seconds=1.5))
        fast = named.poll(parked)
        assert problem(fast) == (429, "slow_down")
        assert fast.headers["Retry-After"] == "5"
        clock.shift(timedelta(seconds=0.5))
        asked(named.poll(parked))
    assert row().state == "pending"


@pytest.mark.requirement("AA-105")
@pytest.mark.parametrize("body", [{}, {"action": "dance"}, {"action": None}, []])
def test_a_post_says_what_it_is(named: NamedAgent, body: Any) -> None:
    parked = sneakers(named)
    assert problem(named.send("POST", parked.headers["Location"], body)) == (400, "invalid_request")
    asked(named.poll(parked))


@pytest.mark.requirement("AA-029")
def test_other_addresses_and_methods_answer_in_this_dialect(named: NamedAgent) -> None:
    parked = sneakers(named)
    assert problem(named.send("GET", "/agentic/aauth/elsewhere")) == (404, "not_found")
    refused_method = named.send("PUT", parked.headers["Location"])
    assert problem(refused_method) == (405, "invalid_request")
    assert refused_method.headers["Allow"] == "GET, POST, DELETE"


def test_without_aauth_there_is_nothing(named: NamedAgent, settings: Settings) -> None:
    parked = sneakers(named)
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": False}
    believe()
    assert problem(named.poll(parked)) == (404, "not_found")


@pytest.mark.requirement("AA-058", "AA-020")
def test_neither_link_nor_code_is_stored_or_logged(
    named: NamedAgent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    parked = asked(named.complete(sneakers(named).json()["checkout_session_id"]))
    token = parked.headers["Location"].removeprefix(PENDING)
    url, code = REQUIRED.fullmatch(parked.headers["AAuth-Requirement"]).groups()  # type: ignore[union-attr]
    secrets = (token[32:], url.removeprefix(PAGE)[32:], code, codes.bare(code), "spt_sandbox_ok")
    kept = [str(entry) for model in (PendingRequest, IdempotentRequest) for entry in model.objects.values()]

    for secret in secrets:
        assert secret not in "".join(kept)
        assert secret not in caplog.text


@pytest.mark.requirement("AA-050", "AA-051", "AA-052", "AA-053", "AA-059")
def test_codes_are_compared_as_people_type_them(named: NamedAgent, settings: Settings) -> None:
    sneakers(named)
    pending = row()
    code = codes.code_of(pending)

    assert len(codes.bare(code)) == 8
    assert set(codes.bare(code)) <= set(codes.ALPHABET)
    for typed in (
        code,
        code.lower(),
        codes.bare(code),
        f" {code} ",
        code.replace("0", "o").replace("1", "l"),
    ):
        assert codes.same_code(pending, typed)
    for typed in ("", code[:-1], code + "0", "UUUU-UUUU"):
        assert not codes.same_code(pending, typed)
    assert codes.read_token(codes.token(pending)) == codes.read_slug(codes.slug(pending)) == pending.pk
    assert codes.read_token(codes.slug(pending)) is codes.read_slug(codes.token(pending)) is None

    old = settings.AGENTIC_GATEWAY["HASH_KEYS"]
    token, slug = codes.token(pending), codes.slug(pending)
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "HASH_KEYS": ["n" * 40, *old]}
    assert codes.token(pending) != token
    assert codes.read_token(token) == codes.read_slug(slug) == pending.pk
    assert codes.same_code(pending, code)
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "HASH_KEYS": ["n" * 40]}
    assert codes.read_token(token) is None


@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_older_wordings_are_added_and_rename_nothing(
    named: NamedAgent, settings: Settings, wording: str
) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH_WORDING": wording}
    believe()
    parked = asked(sneakers(named))
    found = REQUIRED.fullmatch(parked.headers["AAuth-Requirement"])
    assert found is not None
    body = parked.json()
    if wording == "draft-11":
        assert "AAuth" not in parked.headers
        assert not {"location", "require", "requirement", "code"} & set(body)
        return
    bare = found[2].replace("-", "")
    assert parked.headers["AAuth"] == f'require=interaction; code="{bare}"'
    assert body["location"] == parked.headers["Location"]
    assert (body["require"], body["requirement"], body["code"]) == ("interaction", "interaction", bare)
    gone = named.send("GET", PENDING + "0")
    assert gone.json()["error_description"] == gone.json()["detail"]


@pytest.mark.requirement("AA-026")
def test_a_database_that_is_away_is_said_to_be_temporary(
    named: NamedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    parked = sneakers(named)

    def away(_: object) -> None:
        raise OperationalError

    with monkeypatch.context() as patched:
        patched.setattr(resuming, "look", away)
        answer = named.poll(parked)
    assert problem(answer)[0] == 503
    assert int(answer.headers["Retry-After"]) > 0
    asked(named.poll(parked))
