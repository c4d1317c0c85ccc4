"""The page behind an agent's code: what it shows, and who may go on (AA-050 to AA-058, AA-070 to AA-078)."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from gateway import arriving
from gateway.aauth import codes
from gateway.models import Agent, OutboxMessage
from gateway.pending_models import PendingRequest
from gateway.person import misses
from gateway.person.calls import ARRIVAL
from gateway.person.visiting import BROWSER
from interventions.models import Intervention
from tests.aauth.agents import SignedAgent
from tests.aauth.persons import (
    Arriving,
    body,
    has_form,
    moved_on,
    parked,
    polled,
    shopping,
    shown_code,
)
from tests.people import Person, form, heading
from tests.person.conftest import code_in_mail
from tests.person.test_every_page import locked_down

WRONG = "00000000"


def everything() -> list[Any]:
    """What looking must not change."""
    models = (PendingRequest, Intervention, OutboxMessage)
    return [list(model.objects.order_by("pk").values()) for model in models]


def row() -> PendingRequest:
    return PendingRequest.objects.get()


@pytest.mark.requirement("AA-070", "AA-071", "AA-072", "T45")
def test_the_page_shows_the_code_who_asks_and_what_is_bought(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))

    page = person.come()

    said = page.content.decode()
    assert page.status_code == 200
    assert shown_code(page) == person.code
    assert "aauth:shopper@agents.example" in said
    assert "<strong>agents.example</strong> vouches for it" in said
    assert "144.41 USD to Demo Shop" in said
    assert "Trail Sneakers" in said
    assert "Next you enter a one-time code" in said
    assert "You have about 15 minutes." in said
    locked_down(page, "interaction")


@pytest.mark.requirement("AA-072", "AA-073")
def test_the_name_that_an_agent_gave_itself_is_set_apart_and_escaped(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    Agent.objects.filter(issuer=signing.provider.issuer).update(name="<b>Demo Shop</b>\u202e")

    said = person.come().content.decode()

    assert "<b>Demo Shop" not in said
    assert "\u202e" not in said
    quoted = said.partition("Requested by: <q>")[2].partition("</q>")[0]
    assert "&lt;b&gt;Demo Shop" in quoted
    assert "agents.example" in quoted, "and who vouches for the name stands behind it"


@pytest.mark.requirement("AA-055", "AA-077", "T42")
def test_looking_uses_nothing_however_it_is_done(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    before = everything()

    for hint in ({}, {"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}):
        for code in (person.code, WRONG, "", "x" * 5000, "\x00"):
            seen = Client().get(person.path, {"code": code, "callback": "https://evil.example"}, headers=hint)
            head = Client().head(person.path, {"code": code}, headers=hint)
            assert seen.status_code == head.status_code
            assert seen.status_code in (200, 404), "a target that is no text leads nowhere"
            assert ARRIVAL not in seen.cookies
            assert BROWSER not in seen.cookies

    assert everything() == before
    assert body(polled(signing, person.pending))["status"] == "pending"


@pytest.mark.requirement("AA-055", "AA-077")
def test_continue_uses_the_code_and_leads_to_what_is_asked_without_it(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))

    entered = person.go_on()

    assert entered.status_code == 303
    assert person.code not in entered.headers["Location"]
    assert heading(person.open(entered.headers["Location"])) == "Enter your code"
    assert body(polled(signing, person.pending))["status"] == "interacting"
    after = row()
    assert (after.state, after.code_used_round, after.code_attempts) == ("interacting", 0, 0)
    cookie = entered.cookies[ARRIVAL]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == person.path
    assert cookie.value not in str(vars(after))
    assert Intervention.objects.get().state == "interacting"


@pytest.mark.requirement("AA-055")
@pytest.mark.parametrize("public_url", ["https://localhost:8000", "http://localhost:8000"])
def test_the_cookie_is_for_https_alone_where_the_shop_has_it(
    signing: SignedAgent, settings: Any, public_url: str
) -> None:
    person = Arriving(parked(signing))
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PUBLIC_URL": public_url}

    entered = person.go_on()

    assert bool(entered.cookies[ARRIVAL]["secure"]) is public_url.startswith("https")


@pytest.mark.requirement("AA-070", "AA-071", "AA-074", "AA-077")
def test_a_person_who_has_answered_comes_back_and_the_agent_goes_on(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    otp = person.open(person.go_on().headers["Location"])

    done = person.press(otp, "code", code=code_in_mail())
    waits = person.open(done.headers["Location"])
    moved_on()
    end = person.open(person.path)

    assert done.headers["Location"] == person.path
    assert heading(waits) == "One moment"
    assert heading(end) == "You are done here"
    assert end.cookies[ARRIVAL]["max-age"] == 0, "a shared computer keeps nothing"
    assert polled(signing, person.pending).status_code == 200
    locked_down(waits, "interaction")
    locked_down(end, "interaction")


@pytest.mark.requirement("AA-055", "T42")
def test_the_same_browser_may_come_back_and_another_may_not(signing: SignedAgent) -> None:
    """The seed's own log opens the page twice around a login."""
    person = Arriving(parked(signing))
    first = person.go_on()
    other = Arriving(person.pending)
    before = everything()

    for code in (None, "", WRONG):
        again = person.come(code)
        assert again.status_code == 303
        assert again.headers["Location"] == first.headers["Location"]
    for code in (None, "", WRONG):
        refused = other.come(code)
        assert refused.status_code == 410
        assert heading(refused) == "This was opened in another browser"
        assert ARRIVAL not in refused.cookies
        locked_down(refused, "interaction")

    assert everything() == before
    assert heading(person.open(first.headers["Location"])) == "Enter your code"


@pytest.mark.requirement("AA-055")
def test_a_form_that_another_browser_still_shows_is_refused(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    other = Arriving(person.pending)
    shown = other.come()
    person.go_on()

    for answer in ("continue", "stop", "ask"):
        assert other.press(shown, answer).status_code == 410

    assert row().state == "interacting"
    assert row().code_attempts == 0, "nothing was judged"


@pytest.mark.requirement("AA-055")
def test_a_form_that_is_sent_twice_is_sent_by_the_same_browser(signing: SignedAgent) -> None:
    """A double click: the second request goes out before the browser keeps the cookie of the first."""
    person = Arriving(parked(signing))
    page = person.come()

    first = person.press(page, "continue")
    person.http.cookies.pop(ARRIVAL)
    person.http.cookies.pop(BROWSER)
    second = person.press(page, "continue")

    assert first.status_code == second.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert heading(person.open(second.headers["Location"])) == "Enter your code"
    done = person.press(person.open(second.headers["Location"]), "code", code=code_in_mail())
    assert done.status_code == 303


@pytest.mark.requirement("AA-052", "AA-053")
def test_a_code_is_typed_as_people_type(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    page = person.come("")
    assert heading(page) == "Enter the code of your agent"
    lazy = person.code.replace("-", "").replace("1", "l").replace("0", "o").lower()

    entered = person.press(page, "continue", code=f" {lazy[:2]}-{lazy[2:5]} {lazy[5:]} ")

    assert entered.status_code == 303
    assert row().state == "interacting"


@pytest.mark.requirement("AA-050", "AA-053")
@pytest.mark.parametrize("typed", ["", "   ", "1234567", "123456789", "UUUUUUUU", "1234567é", "x" * 3000])
def test_what_cannot_be_a_code_costs_no_attempt(signing: SignedAgent, typed: str) -> None:
    person = Arriving(parked(signing))

    page = person.press(person.come(""), "continue", code=typed)

    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()
    assert has_form(page, "continue")
    assert row().code_attempts == 0


@pytest.mark.requirement("AA-056", "T44")
def test_five_wrong_codes_end_it_and_the_right_one_comes_too_late(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))

    for left in (4, 3, 2, 1):
        page = person.go_on(WRONG)
        assert f"Attempts left: {left}." in page.content.decode()
        assert page.status_code == 200
        assert WRONG not in page.content.decode()
    spent = person.go_on(WRONG)
    late = person.come()

    assert spent.status_code == late.status_code == 410
    assert heading(spent) == heading(late) == "Too many wrong codes"
    assert row().state == "invalid_code"
    told = polled(signing, person.pending)
    assert (told.status_code, body(told)["error"]) == (410, "invalid_code")
    assert not Intervention.objects.filter(state__in=("pending", "interacting")).exists()


@pytest.mark.requirement("AA-056")
def test_the_right_code_after_wrong_ones_counts_as_none(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))

    for _ in range(4):
        person.go_on(WRONG)
    entered = person.go_on()

    assert entered.status_code == 303
    assert row().code_attempts == 4


@pytest.mark.requirement("AA-056", "T44")
def test_wrong_codes_count_for_the_address_too(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    for _ in range(misses.PER_MINUTE):
        person.open("/agentic/aauth/i/" + "0" * 64)

    page = person.go_on(WRONG)

    assert page.status_code == 429
    assert int(page.headers["Retry-After"]) > 0
    assert row().code_attempts == 1, "and it was judged"


@pytest.mark.requirement("AA-056", "T41")
@pytest.mark.parametrize("part", ["", "/ask", "/standing"])
def test_a_forged_slug_leads_nowhere(signing: SignedAgent, part: str) -> None:
    pending = parked(signing)
    slug = codes.slug(pending)
    forged = [slug[:-1] + ("0" if slug[-1] != "0" else "1"), slug.upper(), slug + "0", "0" * 64, "x", "%00"]

    for guess in forged:
        page = Client().get(f"/agentic/aauth/i/{guess}{part}")
        assert page.status_code == 404, guess
        sent = Person().send(f"/agentic/aauth/i/{guess}{part}", {"answer": "continue", "code": WRONG})
        assert sent.status_code in (403, 404, 405)

    assert row().code_attempts == 0


@pytest.mark.requirement("AA-057", "AA-078")
def test_after_its_time_the_code_is_expired(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    shown = person.come()

    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        late = person.press(shown, "continue")
        seen = person.come()

    assert late.status_code == seen.status_code == 410
    assert heading(late) == heading(seen) == "This page is out of time"
    assert row().code_used_round == -1


@pytest.mark.requirement("AA-058", "T08")
def test_no_log_has_a_code_or_a_slug(signing: SignedAgent, caplog: pytest.LogCaptureFixture) -> None:
    person = Arriving(parked(signing))
    code = person.code
    caplog.set_level(logging.DEBUG)

    for _ in range(2):
        person.go_on(WRONG)
    person.go_on()
    Arriving(person.pending).come(code)
    Client().post(person.path, {"code": code, "answer": "continue"})
    Client().put(person.path)

    assert code not in caplog.text
    assert code.replace("-", "") not in caplog.text
    assert codes.slug(person.pending) not in caplog.text
    assert code not in str(list(PendingRequest.objects.values()))


@pytest.mark.requirement("T46")
def test_a_form_from_elsewhere_is_refused(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    page = person.come()
    fields = form(page, "continue")[1]
    before = everything()

    for changed, headers in (
        ({"csrfmiddlewaretoken": ""}, {}),
        ({"csrfmiddlewaretoken": "x" * 64}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
    ):
        for answer in ("continue", "stop"):
            given = {**fields, "answer": answer, **changed}
            assert person.http.post(person.path, given, headers=headers).status_code == 403

    assert everything() == before


@pytest.mark.requirement("T10")
def test_a_secret_that_somebody_else_may_know_is_not_taken_over(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    person.http.cookies[ARRIVAL] = "known-to-somebody-else"
    page = person.come()
    path, fields = form(page, "continue")

    entered = person.send(path, {**fields, "answer": "continue", "visit": "forged"})

    assert entered.status_code == 303
    assert len(entered.cookies[ARRIVAL].value) >= 43
    assert entered.cookies[ARRIVAL].value != "known-to-somebody-else"


@pytest.mark.requirement("T40")
def test_a_purchase_that_changed_is_shown_again_before_anything_is_used(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    path, fields = form(person.come(), "continue")

    again = person.send(path, {**fields, "answer": "continue", "seen": "0" * 32})

    assert again.status_code == 409
    assert "The purchase has changed" in again.content.decode()
    assert row().state == "pending"
    assert person.press(again, "continue").status_code == 303


@pytest.mark.requirement("AA-054", "AA-075")
def test_whoever_stops_has_said_no(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))

    page = person.go_on(answer="stop")

    assert heading(page) == "The purchase was not confirmed"
    told = polled(signing, person.pending)
    assert (told.status_code, body(told)["error"]) == (403, "denied")
    assert not Intervention.objects.filter(state__in=("pending", "interacting", "passed")).exists()


@pytest.mark.requirement("AA-054")
def test_a_wrong_code_stops_nothing(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))

    page = person.go_on(WRONG, answer="stop")

    assert "Attempts left: 4." in page.content.decode()
    assert row().state == "pending"


def test_whoever_stops_at_what_was_asked_is_led_back_to_the_end(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    otp = person.open(person.go_on().headers["Location"])

    stopped = person.press(otp, "stop")
    moved_on()
    end = person.open(stopped.headers["Location"])

    assert stopped.headers["Location"] == person.path
    assert heading(end) == "The purchase was not confirmed"


@pytest.mark.requirement("AA-031")
def test_the_person_reads_that_the_agent_withdrew(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    person.go_on()

    signing.delete(codes.pending_url(person.pending).partition("8000")[2])

    assert heading(person.open(person.path)) == "Your agent has withdrawn this"


@pytest.mark.requirement("AA-055")
def test_a_later_round_has_a_new_code_and_the_browser_of_before_needs_none(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    first = person.code
    person.go_on()
    PendingRequest.objects.update(state="pending", round=1)
    other = Arriving(person.pending)

    assert person.code != first
    assert person.open(person.path).status_code == 303, "on to what is asked"
    assert "Attempts left" in other.go_on(first).content.decode()
    assert person.come().status_code == 200, "the agent's new link shows the new code"
    assert person.go_on().status_code == 303
    assert row().state == "interacting"
    assert other.come().status_code == 410


@pytest.mark.requirement("AA-055")
def test_a_new_code_brings_a_new_browser(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    person.go_on()
    PendingRequest.objects.update(state="pending", round=1)
    other = Arriving(person.pending)

    other.go_on()

    assert person.come().status_code == 410
    assert row().code_used_round == 1


@pytest.mark.requirement("AA-010")
def test_nobody_is_sent_anywhere_while_the_shop_looks(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    Intervention.objects.update(kind="approval")

    page = person.come()
    waits = person.open(person.press(page, "continue").headers["Location"])

    assert "Nothing is asked of you now: Demo Shop has to approve" in page.content.decode()
    assert heading(waits) == "The shop looks at your purchase"
    locked_down(waits, "interaction")
    stands = person.open(f"{person.path}/standing")
    Intervention.objects.update(state="passed")
    after = person.open(f"{person.path}/standing")
    assert body(stands)["stands"] != body(after)["stands"]
    assert body(stands)["stands"] in waits.content.decode()
    assert Client().get(f"{person.path}/standing").status_code == 404


def test_without_aauth_there_is_no_such_page(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    code = person.code
    arriving.plug(None)

    assert person.come(code).status_code == 404
    assert arriving.beside(person.pending.subject) is None


def test_it_is_said_in_the_buyers_language(signing: SignedAgent) -> None:
    person = Arriving(parked(signing, locale="de"))

    page = person.come()

    assert page.headers["Content-Language"] == "de"
    assert heading(page) == "Vergleichen Sie den Code"


@pytest.mark.requirement("AA-101")
def test_an_agent_that_takes_no_questions_is_not_asked(counter: None) -> None:
    with shopping("interaction") as agent:
        person = Arriving(parked(agent))

        assert not has_form(person.come(), "ask")
        person.go_on()
        assert person.open(f"{person.path}/ask").headers["Location"] == person.path
