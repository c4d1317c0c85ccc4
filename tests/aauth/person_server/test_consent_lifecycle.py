"""A request for a token waits for its person, and ends in one of a few ways (AA-020 to AA-031)."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from gateway import bindings, grants
from gateway.aauth import codes
from gateway.aauth.person_server import asking
from gateway.aauth.problems import Problem
from gateway.grants import Wanted
from gateway.models import OutboxMessage
from gateway.pending_models import PendingRequest
from gateway.person_models import AgentBinding, Grant
from interventions.models import Intervention, InterventionMove
from tests.aauth.agents import SignedAgent
from tests.aauth.person_server.consents import (
    RESOURCE,
    Account,
    Asker,
    bound,
    form,
    heading,
    problem,
    serving,
)
from tests.aauth.persons import body

pytestmark = pytest.mark.django_db


def grant() -> Grant:
    return Grant.objects.get()


@pytest.mark.requirement("AA-001", "AA-003", "AA-007", "AA-055", "AA-212", "AA-213", "AA-215", "AA-217")
def test_a_person_allows_it_and_the_agent_gets_its_token_once(asker: Asker) -> None:
    pending = asker.ask()
    ada = Account(pending, "ada")

    page = ada.consent_page()
    told = body(asker.poll(pending))
    done = ada.press(page, "allow")
    end = asker.poll(pending)
    after = asker.poll(pending)

    assert told["status"] == "interacting"
    assert heading(page) == "Does your agent get this?"
    assert done.headers["Location"] == ada.path
    assert (end.status_code, body(end)) == (
        200,
        {"auth_token": f"token for {grant().pk}", "expires_in": 3600},
    )
    assert "AAuth-Requirement" not in end.headers
    assert problem(after) == (410, "gone")
    assert "session" not in body(after)["detail"]
    assert heading(ada.open(ada.path)) == "You are done here"
    assert (grant().state, grant().person) == ("granted", ada.id)
    assert bindings.person_of(asker.owner) == ada.id
    moves = InterventionMove.objects.filter(intervention__kind="consent").values_list("to_state", "actor")
    assert list(moves) == [
        ("pending", asker.owner),
        ("interacting", "person"),
        ("passed", f"person:{ada.id}"),
    ]
    pending.refresh_from_db()
    assert (pending.state, pending.terminal_body, pending.held_body) == ("resolved", "", "")


@pytest.mark.requirement("AA-001", "AA-002", "AA-005", "AA-006", "AA-050")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_the_202_is_complete_and_tells_of_no_purchase(wording: str, db: None) -> None:
    with serving(AAUTH_WORDING=wording) as asker:
        pending = asker.ask()

        answer = asker.answer
        assert answer is not None
        told, code = body(answer), codes.code_of(pending)
        assert answer.status_code == 202
        assert answer.headers["Cache-Control"] == "no-store"
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["AAuth-Requirement"] == (
            f'requirement=interaction; url="{codes.page_url(pending)}"; code="{code}"'
        )
        mirrored = {"location", "require", "requirement", "code"} if wording != "draft-11" else set()
        assert set(told) == {"status", "expires_at"} | mirrored
        assert ("AAuth" in answer.headers) is bool(mirrored)


@pytest.mark.requirement("AA-021")
def test_only_the_agent_with_the_same_key_asks_what_became_of_it(asker: Asker) -> None:
    pending = asker.ask()
    other = SignedAgent("other", provider=asker.signer.provider)

    foreign = other.get(codes.pending_url(pending).partition("localhost:8000")[2])
    asker.signer.renew()
    renewed = asker.poll(pending)
    unknown = asker.signer.get("/agentic/aauth/pending/" + "0" * 96)

    assert foreign.content == renewed.content == unknown.content
    assert foreign.status_code == renewed.status_code == unknown.status_code == 404


@pytest.mark.requirement("AA-059", "AA-116")
def test_the_same_request_is_the_same_call_and_another_is_another(asker: Asker) -> None:
    first, again = asker.ask(), asker.ask(justification="Asked once more.")
    other = asker.ask(request_id="another")
    asker.signer.renew()
    with_another_key = asker.ask()

    assert first.pk == again.pk
    assert len({first.pk, other.pk, with_another_key.pk}) == 3
    assert Grant.objects.count() == Intervention.objects.count() == 3


def test_an_agent_has_ten_that_wait_and_no_more(asker: Asker) -> None:
    for number in range(asking.MOST_OPEN):
        asker.ask(request_id=str(number))

    with pytest.raises(Problem) as refused:
        asker.ask(request_id="one more")

    assert (refused.value.status, refused.value.code) == (429, "slow_down")
    assert refused.value.headers["Retry-After"]
    assert asker.ask(request_id="0").state == "pending", "a repeat is no other"
    asker.withdraw(PendingRequest.objects.first() or pytest.fail("none"))
    assert asker.ask(request_id="one more").state == "pending"


@pytest.mark.requirement("AA-208", "AA-216")
def test_who_cannot_bring_its_person_is_told_so(asker: Asker) -> None:
    with pytest.raises(Problem) as refused:
        asker.ask("clarification")

    assert (refused.value.status, refused.value.code) == (403, "user_unreachable")
    assert not Grant.objects.exists()


@pytest.mark.requirement("AA-027", "AA-078")
@pytest.mark.parametrize(
    ("how", "status", "error", "end"),
    [
        ("deny", 403, "denied", "denied"),
        ("stop at the code", 403, "denied", "denied"),
        ("never come", 408, "expired", "ended"),
        ("come and leave", 403, "abandoned", "ended"),
        ("wrong codes", 410, "invalid_code", "ended"),
    ],
)
def test_it_ends_without_a_grant(asker: Asker, how: str, status: int, error: str, end: str) -> None:
    pending = asker.ask()
    ada = Account(pending, "ada")
    match how:
        case "deny":
            ada.decides("stop")
        case "stop at the code":
            ada.go_on(answer="stop")
        case "come and leave":
            ada.consent_page()
        case "wrong codes":
            for _ in range(5):
                ada.press(ada.come(code=""), "continue", code="00000000")
    later = timezone.now() + timedelta(minutes=16 if "come" in how else 0)

    with time_machine.travel(later, tick=False):
        asker.signer.token = ""
        answer = asker.poll(pending)

    assert problem(answer) == (status, error)
    assert "charged" not in body(answer)["detail"]
    assert "purchase" not in body(answer)["detail"]
    assert grant().state == end
    assert not AgentBinding.objects.exists()
    assert not Intervention.objects.filter(state__in=("pending", "interacting", "passed")).exists()
    assert "charged" not in ada.open(ada.path).content.decode()


@pytest.mark.requirement("AA-031")
def test_the_agent_withdraws_it_and_the_page_says_so(asker: Asker) -> None:
    pending = asker.ask()
    ada = Account(pending, "ada")
    page = ada.consent_page()

    gone = asker.withdraw(pending)
    late = ada.press(page, "allow")

    assert gone.status_code == 204
    assert problem(asker.poll(pending)) == (410, "gone")
    assert grant().state == "ended"
    assert late.headers["Location"] == ada.path
    assert not AgentBinding.objects.exists()
    assert heading(ada.open(ada.path)) == "Your agent has withdrawn this"


@pytest.mark.requirement("AA-027")
def test_what_was_taken_back_before_it_was_fetched_is_revoked(asker: Asker) -> None:
    pending = asker.ask()
    ada = Account(pending, "ada")
    ada.decides()

    grants.revoke(grant(), ada.id)

    assert problem(asker.poll(pending)) == (403, "revoked")
    assert problem(asker.poll(pending)) == (410, "gone")


def test_while_nobody_makes_tokens_nothing_is_lost(asker: Asker) -> None:
    pending = asker.ask()
    Account(pending, "ada").decides()
    asking.plug(finish=None)

    refused = asker.poll(pending)
    asking.plug(finish=lambda found: {"auth_token": found.pk})

    assert refused.status_code == 503
    assert body(asker.poll(pending)) == {"auth_token": grant().pk}


def test_a_token_is_not_made_for_a_yes_of_long_ago(asker: Asker) -> None:
    pending = asker.ask()
    Account(pending, "ada").decides()
    with time_machine.travel(timezone.now() + timedelta(hours=2), tick=False):
        asker.signer.token = ""
        assert problem(asker.poll(pending)) == (408, "expired")


@pytest.mark.requirement("AA-213", "AA-215")
def test_grants_and_agents_are_taken_back_with_their_tokens(asker: Asker) -> None:
    revoked: list[str] = []
    grants.plug(lambda found: revoked.append(found.pk))
    try:
        Account(asker.ask(request_id="1"), "ada").decides()
        waits = asker.ask(request_id="2")
        first = Grant.objects.get(state="granted")
        ada = first.person

        assert not grants.revoke(first, "somebody else")
        assert not grants.revoke_agent(asker.owner, "somebody else")
        assert revoked == []
        assert list(grants.of_person(ada)) == list(Grant.objects.all())
        assert list(grants.of_person("")) == []

        assert grants.revoke_agent(asker.owner, ada)

        assert revoked == [first.pk]
        assert bindings.person_of(asker.owner) == ""
        assert problem(asker.poll(waits)) == (403, "denied")
        assert set(Grant.objects.values_list("state", flat=True)) == {"revoked", "denied"}
        last = InterventionMove.objects.filter(intervention__subject=first.pk).order_by("pk").last()
        assert last is not None
        assert (last.to_state, last.actor, last.note) == ("canceled", f"person:{ada}", "revoked")
        assert not grants.revoke_agent(asker.owner, ada)
        first.refresh_from_db()
        assert not grants.revoke(first, ada)
    finally:
        grants.plug(None)


@pytest.mark.requirement("AA-058")
def test_no_code_no_link_and_no_token_is_kept_or_logged(
    asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    pending = asker.ask()
    code, slug, token = codes.code_of(pending), codes.slug(pending), codes.token(pending)
    Account(pending, "ada").decides()
    asker.poll(pending)

    models = (PendingRequest, Grant, AgentBinding, Intervention, InterventionMove, OutboxMessage)
    kept: list[Any] = [list(model.objects.values()) for model in models]
    everything = json.dumps(kept, default=str) + caplog.text
    for secret in (code, codes.bare(code), slug, token, "token for"):
        assert secret not in everything


def test_what_is_wanted_shows_no_key_in_its_place(asker: Asker) -> None:
    """Only what a request says counts, and an agent's own words are not part of what makes it the same."""
    wanted = asker.wanted()

    assert grants.fingerprint(wanted) == grants.fingerprint(asker.wanted(justification="Other words."))
    assert grants.fingerprint(wanted) != grants.fingerprint(asker.wanted(key={"kty": "OKP", "x": "other"}))
    unnamed = Wanted(asker.owner, Grant.PERSON_TOKEN, RESOURCE)
    assert grants.fingerprint(unnamed) != grants.fingerprint(
        Wanted(asker.owner, Grant.PERSON_TOKEN, "https://other.example")
    )


def test_bound_accounts_are_asked_and_not_enrolled_again(asker: Asker) -> None:
    ada = bound(asker, "ada")
    pending = asker.ask()

    page = Account(pending, "ada").consent_page()

    assert grant().person == ada
    assert "new to your account" not in page.content.decode()
    assert form(page, "allow")


@pytest.mark.requirement("AA-059")
def test_the_same_request_after_its_time_is_another_call(asker: Asker) -> None:
    first = asker.ask()
    with time_machine.travel(first.expires_at + timedelta(seconds=1)):
        again = asker.ask()
        assert again.pk != first.pk
        assert (again.state, Grant.objects.get(pk=again.subject).state) == ("pending", "asked")
        assert Grant.objects.get(pk=first.subject).state == "ended"


def test_the_same_for_a_sub_agent_by_a_new_key_of_its_parent_takes_its_place(asker: Asker) -> None:
    key = {"kty": "OKP", "x": "a sub-agent's"}
    first = asker.ask(key=key)
    asker.signer.renew()
    again = asker.ask(key=key)
    assert again.pk != first.pk
    assert Grant.objects.get(pk=first.subject).state == "ended"
    assert asker.ask(key=key).pk == again.pk


def test_a_request_of_one_resource_is_never_taken_for_anothers(asker: Asker) -> None:
    """What a resource calls its token is its own affair."""
    first, other = asker.ask(), asker.ask(audience="https://other.example")
    assert first.subject != other.subject
    assert Grant.objects.get(pk=other.subject).audience == "https://other.example"


def test_a_person_who_stops_what_they_just_allowed_has_allowed_nothing(asker: Asker) -> None:
    """In another tab, before the agent has heard of the yes: it is told no, and is given nothing later."""
    pending = asker.ask()
    ada = Account(pending, "ada")
    first = ada.come()
    ada.press(first, "continue")
    asked = ada.open(ada.open(ada.path).headers["Location"])
    ada.press(asked, "allow")
    assert grant().state == "granted"

    ada.press(first, "stop")

    assert problem(asker.poll(pending)) == (403, "denied")
    assert grant().state == "revoked"


@pytest.mark.requirement("AA-213")
def test_what_an_agent_asked_before_it_was_anybodys_ends_when_it_is_removed(asker: Asker) -> None:
    """Else a page that was open before would take it on again without saying so."""
    first, second = asker.ask(), asker.ask(request_id="another")
    ada = Account(first, "ada")
    later = Account(second, "ada")
    ada.decides()
    page = later.consent_page()
    grants.revoke_agent(asker.owner, "somebody else")
    assert Grant.objects.get(pk=second.subject).state == "asked"
    grants.revoke_agent(asker.owner, ada.id)

    later.press(page, "allow")

    assert Grant.objects.get(pk=second.subject).state == "denied"
    assert bindings.person_of(asker.owner) == ""
