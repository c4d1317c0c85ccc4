"""A person is brought somewhere, or asked something: from the 202 to the last word (AA-204 to AA-211)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.utils import timezone

from gateway import agents, bindings, summons_answers, summons_keeping, summonses
from gateway.aauth import waits
from gateway.models import Agent
from gateway.person_models import Summons
from interventions import reaching
from interventions.models import Intervention
from interventions.reach_models import ReachAttempt
from tests.aauth.person_server.relayed import (
    CODE,
    URL,
    Asker,
    account,
    away,
    only,
    over,
    present,
    problem,
    speaking,
    theirs,
)


@pytest.fixture
def person(db: None) -> Iterator[str]:
    """Somebody whose page is open."""
    with speaking():
        found = account()
        present(found)
        yield found


@pytest.fixture
def asker(person: str) -> Asker:
    return theirs(person)


def complete(response: HttpResponse, wording: str = "dual") -> HttpResponse:
    """A 202 with all that belongs to one (AA-204)."""
    assert response.status_code == 202, response.content
    assert response.headers["AAuth-Requirement"] == "requirement=approval"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Location"].startswith("http://localhost:8000/agentic/aauth/person/relay/")
    assert int(response.headers["Retry-After"]) > 0
    body = response.json()
    assert body["status"] == "pending"
    assert body["expires_at"].endswith("Z")
    assert ("location" in body, "require" in body) == ((wording != "draft-11"),) * 2
    return response


def ends(asker: Asker, waiting: HttpResponse, status: int, body: dict[str, Any] | str) -> None:
    """That is the last word, which is told once; then it is gone."""
    response = asker.poll(waiting)
    assert response.status_code == status, response.content
    assert (response.json() if isinstance(body, dict) else response.json()["error"]) == body
    assert "AAuth-Requirement" not in response.headers
    assert response.headers["Cache-Control"] == "no-store"
    for _ in range(2):
        assert problem(asker.poll(waiting)) == (410, "gone")


@pytest.mark.requirement("AA-204")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_every_202_is_complete(person: str, wording: str) -> None:
    with speaking(AAUTH_WORDING=wording):
        asker = theirs(person)
        first = complete(asker.ask(), wording)
        again = complete(asker.poll(first), wording)
        assert again.json() == first.json()
        assert again.headers["Location"] == first.headers["Location"]


@pytest.mark.requirement("AA-205", "AA-206")
def test_the_person_opens_it_and_the_agent_learns_that_they_came(person: str, asker: Asker) -> None:
    waiting = asker.ask(description="**Please** confirm.", max_wait=60)

    (row,) = summonses.open_of(person)
    assert (row.description, summonses.host_of(row)) == ("**Please** confirm.", "bank.example")
    opened = summonses.engage(row.pk, person)

    assert opened.address == f"{URL}?code={CODE}"
    assert summonses.open_of(person) == []
    ends(asker, waiting, 200, {"status": "relayed", "engaged": True, "channel": "web_session"})


@pytest.mark.requirement("AA-205")
def test_they_may_open_it_again_until_its_time_is_over(person: str, asker: Asker) -> None:
    asker.ask()
    first = summonses.engage(only().pk, person)
    assert summonses.engage(only().pk, person).address == first.address
    over(only())
    with pytest.raises(summonses.Ended):
        summonses.engage(only().pk, person)
    summonses.sweep()
    assert only().code == ""


@pytest.mark.requirement("AA-205", "AA-213")
@pytest.mark.parametrize("opened", [False, True], ids=["before", "after-it-was-opened"])
@pytest.mark.parametrize("how", ["blocked", "revoked"])
def test_nobody_is_sent_on_by_an_agent_that_was_stopped(
    person: str, asker: Asker, how: str, opened: bool
) -> None:
    asker.ask()
    if opened:
        summonses.engage(only().pk, person)
    if how == "blocked":
        Agent.objects.update(active=False)
    else:
        bindings.revoke(asker.owner, person)

    assert not summonses.waits(only().pk)
    with pytest.raises(summonses.Ended):
        summonses.engage(only().pk, person)


def test_what_is_long_over_is_forgotten(person: str, asker: Asker) -> None:
    asker.ask()
    summonses.engage(only().pk, person)
    asker.ask(code="OTHER")
    edge = timezone.now() - timedelta(days=summons_keeping.KEEP_DAYS)
    Summons.objects.update(created_at=edge + timedelta(minutes=1))
    assert summons_keeping.purge() == 0
    Summons.objects.update(created_at=edge - timedelta(minutes=1))

    assert (summons_keeping.purge(), summons_keeping.purge()) == (1, 0)
    assert only().state == "waiting"  # the sweep ends it first


@pytest.mark.requirement("AA-218")
def test_what_waits_is_found_whatever_other_clocks_said(person: str, asker: Asker) -> None:
    """Another server, whose clock is ahead, wrote down the one before."""
    first = asker.ask()
    summonses.engage(only().pk, person)
    assert asker.poll(first).status_code == 200
    Summons.objects.update(created_at=timezone.now() + timedelta(seconds=20))
    waiting = asker.ask()

    assert asker.ask().headers["Location"] == waiting.headers["Location"]
    assert Summons.objects.count() == 2


@pytest.mark.requirement("AA-205")
def test_nobody_comes_until_max_wait(person: str, asker: Asker) -> None:
    waiting = asker.ask(max_wait=60)
    assert 50 < (only().expires_at - only().created_at).total_seconds() <= 60
    over(only())
    assert summonses.open_of(person) == []
    ends(asker, waiting, 200, {"status": "relayed", "engaged": False})
    with pytest.raises(summonses.Ended):
        summonses.engage(only().pk, person)


@pytest.mark.requirement("AA-205")
def test_the_sweep_ends_what_nobody_polls(person: str, asker: Asker) -> None:
    asker.ask()
    summonses.sweep()
    assert only().state == "waiting"
    over(only())
    summonses.sweep()
    assert (only().state, only().code) == ("unreached", "")


@pytest.mark.requirement("AA-205")
def test_a_person_says_no(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    summonses.decline(only().pk, person)
    summonses.decline(only().pk, person)
    assert only().code == ""
    ends(asker, waiting, 403, "denied")


@pytest.mark.requirement("AA-211")
def test_the_page_is_closed_and_nothing_else_is_left(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    complete(asker.poll(waiting))
    Summons.objects.update(last_polled_at=None)
    away(person)
    ends(asker, waiting, 200, {"status": "relay_failed", "engaged": False})
    assert ReachAttempt.objects.count() == 1


@pytest.mark.requirement("AA-211")
def test_another_page_takes_over(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    away(person)
    present(person, "another browser")
    complete(asker.poll(waiting))
    assert [one.result for one in ReachAttempt.objects.all()] == ["taken", "taken"]


@pytest.mark.requirement("AA-207", "AA-210")
def test_without_a_way_to_them_the_agent_goes_on_by_itself(person: str, asker: Asker) -> None:
    away(person)
    response = asker.ask()
    assert problem(response) == (424, "interaction_unavailable")
    assert response.json()["title"] == "Failed Dependency"
    assert only().state == "failed", "on record"
    assert only().code == ""


@pytest.mark.requirement("AA-207", "AA-208")
@pytest.mark.parametrize(
    ("said", "known", "answer"),
    [
        (None, None, (424, "interaction_unavailable")),
        (["interaction"], [], (424, "interaction_unavailable")),
        ([], None, (403, "user_unreachable")),
        (None, [], (403, "user_unreachable")),
        (["clarification"], ["interaction"], (403, "user_unreachable")),
        (None, ["clarification"], (403, "user_unreachable")),
        (None, ["interaction"], (424, "interaction_unavailable")),
        (["interaction"], ["clarification"], (424, "interaction_unavailable")),
    ],
)
def test_who_cannot_bring_them_either(
    person: str, asker: Asker, said: list[str] | None, known: list[str] | None, answer: tuple[int, str]
) -> None:
    """What this request says counts, then what was said before; who never said is able."""
    if known is not None:
        bindings.declare(asker.owner, known)
    away(person)
    assert problem(asker.ask(capabilities=said)) == answer


@pytest.mark.requirement("AA-208")
@pytest.mark.parametrize(
    ("wording", "error", "legacy"),
    [
        ("draft-11", "user_unreachable", None),
        ("dual", "user_unreachable", "interaction_required"),
        ("seed", "interaction_required", None),
    ],
)
def test_the_seeds_have_another_name_for_it(
    person: str, asker: Asker, wording: str, error: str, legacy: str | None
) -> None:
    away(person)
    with speaking(AAUTH_WORDING=wording):
        response = asker.ask(capabilities=[])
        assert problem(response) == (403, error)
        assert response.json().get("legacy_error") == legacy


@pytest.mark.requirement("AA-209")
def test_a_question_is_answered(person: str, asker: Asker) -> None:
    waiting = complete(asker.question())
    row = only()
    assert summonses.engage(row.pk, person).address == ""
    complete(asker.poll(waiting))

    answered = summonses.answer(row.pk, person, " Forty-two\n")
    summonses.answer(row.pk, person, "Forty-two")

    assert "Forty" not in answered.answer, "sealed"
    with pytest.raises(summonses.Ended):
        summonses.answer(row.pk, person, "Forty-three")
    ends(asker, waiting, 200, {"answer": "Forty-two"})
    assert only().answer == "", "erased once it was told"


@pytest.mark.requirement("AA-209")
def test_an_answer_that_was_not_told_is_told_at_once(person: str, asker: Asker) -> None:
    """The agent lost our first answer, and asks the same again."""
    asker.question()
    summonses.answer(only().pk, person, "42")
    again = asker.question()
    assert (again.status_code, again.json()) == (200, {"answer": "42"})
    assert asker.question().status_code == 202


@pytest.mark.requirement("AA-209")
def test_an_answer_that_was_erased_is_no_empty_one(person: str, asker: Asker) -> None:
    """The agent has not come for it in time."""
    waiting = asker.question()
    summonses.answer(only().pk, person, "42")
    over(only())
    summonses.sweep()
    ends(asker, waiting, 408, "expired")


@pytest.mark.requirement("AA-209")
def test_a_question_without_a_way_or_an_answer(person: str, asker: Asker) -> None:
    waiting = asker.question()
    over(only())
    ends(asker, waiting, 408, "expired")
    waiting = asker.question("And which colour?")
    away(person)
    ends(asker, waiting, 403, "user_unreachable")
    assert problem(asker.question("And which brand?")) == (403, "user_unreachable")


@pytest.mark.requirement("AA-114")
@pytest.mark.parametrize("text", ["", "   ", "a" * 4_001, "4242 4242 4242 4242"])
def test_what_is_no_answer(person: str, asker: Asker, text: str) -> None:
    asker.question()
    with pytest.raises(summons_answers.Refused):
        summonses.answer(only().pk, person, text)
    assert only().state == "waiting"


@pytest.mark.requirement("AA-114")
def test_a_code_is_told_to_no_agent_while_one_is_asked_for(person: str, asker: Asker) -> None:
    asker.question("How many do you want?")
    Intervention.objects.create(
        subject="cs_1", owner=asker.owner, kind="otp", amount=1, currency="usd", expires_at=only().expires_at
    )
    with pytest.raises(summons_answers.Refused):
        summonses.answer(only().pk, person, "It is 123 456")
    assert summonses.answer(only().pk, person, "Twelve").state == "answered"


@pytest.mark.requirement("AA-205")
def test_the_agent_withdraws(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    assert asker.withdraw(waiting).status_code == 204
    assert (only().state, only().code, summonses.open_of(person)) == ("canceled", "", [])
    assert problem(asker.withdraw(waiting)) == (410, "gone")
    assert problem(asker.poll(waiting)) == (410, "gone")


@pytest.mark.requirement("AA-205")
def test_who_withdraws_too_late_learns_the_end(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    summonses.engage(only().pk, person)
    late = asker.withdraw(waiting)
    assert (late.status_code, late.json()["engaged"]) == (200, True)


@pytest.mark.requirement("AA-024")
def test_only_polling_without_a_pause_is_too_fast(asker: Asker) -> None:
    waiting = asker.ask()
    complete(asker.poll(waiting))
    fast = asker.poll(waiting)
    assert problem(fast) == (429, "slow_down")
    assert int(fast.headers["Retry-After"]) > 0


@pytest.mark.requirement("AA-024")
def test_polls_at_once_try_the_ways_to_a_person_once(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A way may take seconds, in which another poll is as fast as one a moment later."""
    waiting, standing, beside = asker.ask(), summonses.standing, []

    def slowly(row: Summons) -> None:
        beside.append(problem(asker.poll(waiting)))
        standing(row)

    monkeypatch.setattr(summonses, "standing", slowly)

    complete(asker.poll(waiting))
    assert beside == [(429, "slow_down")]


@pytest.mark.requirement("AA-218")
def test_a_repeat_is_the_same(person: str, asker: Asker) -> None:
    first = complete(asker.ask())
    for _ in range(20):  # costs nothing of the rate
        assert asker.ask().headers["Location"] == first.headers["Location"]
    assert Summons.objects.count() == ReachAttempt.objects.count() == 1
    asker.ask(code="ABCD-1235")
    asker.ask(type="payment")
    assert Summons.objects.count() == 3


@pytest.mark.requirement("AA-218")
def test_after_the_end_was_told_it_is_a_new_one(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    summonses.engage(only().pk, person)
    asker.poll(waiting)
    assert complete(asker.ask()).headers["Location"] != waiting.headers["Location"]


@pytest.mark.requirement("AA-023")
def test_a_poll_is_held_until_the_person_comes(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with speaking():
        person = account()
        present(person)
        asker = theirs(person)
        waiting = asker.ask()
        slept: list[float] = []

        def pause(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 2:
                summonses.engage(only().pk, person)

        monkeypatch.setattr(waits, "pause", pause)
        monkeypatch.setattr(waits, "clock", lambda: float(sum(slept)))
        response = asker.poll(waiting, Prefer="wait=20")
    assert (response.status_code, response.json()["engaged"]) == (200, True)
    assert len(slept) == 2
    assert response.headers["Preference-Applied"] == "wait=20"


@pytest.mark.requirement("AA-211")
def test_an_agent_that_was_stopped_waits_for_nothing(person: str, asker: Asker) -> None:
    waiting = asker.ask()
    bindings.revoke(asker.owner, person)
    assert summonses.open_of(person) == []
    with pytest.raises(summonses.Ended):
        summonses.engage(only().pk, person)
    ends(asker, waiting, 200, {"status": "relay_failed", "engaged": False})
    assert problem(asker.ask()) == (424, "interaction_unavailable")


def test_stopping_an_agent_drops_what_it_wants(person: str, asker: Asker) -> None:
    asker.ask()
    assert (summonses.drop(asker.owner, person), summonses.drop(asker.owner, person)) == (1, 0)
    assert only().state == "failed"


def test_an_agent_that_is_switched_off_is_shown_to_nobody(person: str, asker: Asker) -> None:
    asker.ask()
    agent = agents.of_owner(asker.owner)
    assert agent is not None
    agents.block(agent)
    assert summonses.open_of(person) == []


def test_a_closed_account_is_reached_by_nobody(person: str, asker: Asker) -> None:
    from django.contrib.auth import get_user_model

    get_user_model().objects.update(is_active=False)
    assert problem(asker.ask()) == (424, "interaction_unavailable")


@pytest.mark.requirement("AA-215")
def test_everything_is_on_record_and_no_secret_is_logged(
    person: str, asker: Asker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    asker.ask(description="The purple elephant")
    asker.question("Which purple size?")
    row = Summons.objects.get(kind="question")
    summonses.answer(row.pk, person, "Enormous")
    away(person)
    asker.ask(code="WXYZ-9999")
    assert sorted(Summons.objects.values_list("state", flat=True)) == ["answered", "failed", "waiting"]
    text = caplog.text + repr(Summons.objects.values_list("code", "answer"))
    assert row.pk in caplog.text
    for secret in (CODE, "WXYZ", "purple", "Enormous", URL):
        assert secret not in text


def test_few_statements(person: str, asker: Asker, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(21):
        waiting = asker.ask()
    with django_assert_max_num_queries(12):
        complete(asker.poll(waiting))
    with django_assert_max_num_queries(1):
        reaching.seen(person, "the browser of a person")
    with django_assert_max_num_queries(2):
        assert len(summonses.open_of(person)) == 1
