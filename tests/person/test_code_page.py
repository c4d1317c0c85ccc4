"""The buyer enters the one-time code themselves (decisions 19, 22, 32; reliability-security B, E)."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.core import mail
from django.core.signals import got_request_exception
from django.utils import timezone
from django.views.debug import ExceptionReporter

from checkout import responses
from checkout.models import CheckoutSession
from gateway import delivery
from gateway.models import OutboxMessage
from gateway.person import codes as codes_page
from interventions import codes as otp_codes
from interventions.models import Intervention
from interventions.providers import otp
from tests.agents import PlayedAgent, codes
from tests.people import Person, form, heading
from tests.person.conftest import DETAILS, OTP, code_in_mail, wrong


def told(agent: PlayedAgent, session: dict[str, Any], code: str, **more: Any) -> dict[str, Any]:
    return agent.update(session, {"intervention_response": {"type": "otp", "code": code}, **more})


@pytest.mark.requirement("ACP-146", "ACP-147")
def test_the_session_says_where_its_buyer_can_enter_the_code(
    agent: PlayedAgent, sneakers: dict[str, Any]
) -> None:
    """Decision 17; the context stays what the field matrix says."""
    assert sneakers["continue_url"].startswith("http://localhost:8000/agentic/confirm/")
    assert sneakers["continue_url"].endswith("/code")
    assert set(sneakers["intervention_context"]) == {"intervention_type", "challenge_hint", "expires_at"}


@pytest.mark.requirement("T40", "T45")
def test_the_page_shows_what_is_bought_and_where_the_code_went(
    person: Person, sneakers: dict[str, Any]
) -> None:
    page = person.open(sneakers["continue_url"])

    html = page.content.decode()
    assert (page.status_code, heading(page)) == (200, "Enter your code")
    for shown in ("Demo Shop", "Demo agent", "a***@example.com", "You have about 5 minutes.", "5 attempts"):
        assert shown in html
    assert "ada@" not in html
    for asked in ('inputmode="numeric"', 'autocomplete="one-time-code"', '<label for="code">', "novalidate"):
        assert asked in html
    assert 'aria-live="polite"' in html
    assert "A new code can be sent in" in html
    assert "I did not get the code" in html


@pytest.mark.requirement("ACP-148", "ACP-156", "T42")
def test_the_buyer_enters_the_code_and_the_agent_pays(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    """Decision 22: no word of the agent in between."""
    page = person.open(sneakers["continue_url"])  # before anything was delivered
    code = code_in_mail()

    done = person.press(page, "code", code=f" {code[:3]}-{code[3:]} ")

    assert (done.status_code, heading(done)) == (200, "You have confirmed the purchase")
    ready = agent.retrieve(sneakers)
    assert ready["status"] == "ready_for_payment"
    assert "intervention_context" not in ready
    assert "continue_url" not in ready
    assert ready["messages"] == []
    passed = Intervention.objects.get()
    assert (passed.state, passed.ended_by, passed.attempts) == ("passed", "person", 0)
    assert agent.complete(ready).json()["status"] == "completed"


@pytest.mark.requirement("T42")
def test_looking_changes_nothing(person: Person, sneakers: dict[str, Any]) -> None:
    before = Intervention.objects.values().get()

    for _ in range(10):
        assert Person().open(sneakers["continue_url"]).status_code == 200

    assert Intervention.objects.values().get() == before


def test_a_wrong_code_is_said_at_the_top_and_beside_the_field_and_is_not_shown_again(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    code = code_in_mail()

    page = person.press(person.open(sneakers["continue_url"]), "code", code=wrong(code))

    html = page.content.decode()
    said = "That is not the code of the newest message. Compare the digits and try again."
    assert page.status_code == 200
    assert "<title>Error: Enter your code" in html
    assert f'<a href="#code">{said}</a>' in html
    assert f'<p id="code-error" class="error">{said}</p>' in html
    assert 'role="alert" tabindex="-1" autofocus' in html
    assert 'aria-describedby="code-hint code-error" aria-invalid="true"' in html
    assert "You have 4 attempts." in html
    assert wrong(code) not in html
    assert agent.retrieve(sneakers)["status"] == "authentication_required"
    assert heading(person.press(page, "code", code=code)) == "You have confirmed the purchase"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter the code from the message."),
        ("  ", "Enter the code from the message."),
        ("12345", "A code has six to eight digits."),
        ("abcdef", "A code has six to eight digits."),
        ("1" * 500, "A code has six to eight digits."),
    ],
)
def test_what_is_no_code_costs_nothing(
    person: Person, sneakers: dict[str, Any], typed: str, said: str
) -> None:
    page = person.press(person.open(sneakers["continue_url"]), "code", code=typed)

    html = page.content.decode()
    assert said in html
    assert typed.strip() == "" or typed not in html
    assert Intervention.objects.get().attempts == 0


@pytest.mark.requirement("T13", "T16")
def test_after_the_last_attempt_nothing_can_be_confirmed(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])
    for by in range(1, 5):
        page = person.press(page, "code", code=wrong(code, by))
    assert "This is your last attempt." in page.content.decode()

    last = person.press(page, "code", code=wrong(code, 5))

    assert (last.status_code, heading(last)) == (410, "Too many attempts")
    late = person.press(page, "code", code=code)
    assert (late.status_code, heading(late)) == (410, "Too many attempts")
    seen = agent.retrieve(sneakers)
    assert seen["status"] == "not_ready_for_payment"
    assert codes(seen) == ["rate_limited"]
    assert "intervention_context" not in seen
    assert len(mail.outbox) == 1, "nobody is asked anew before the agent wants it"


@pytest.mark.requirement("T13")
def test_the_tenth_wrong_code_cancels_the_session(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    """Whoever brought the others."""
    code = code_in_mail()
    for by in range(1, 6):
        told(agent, sneakers, wrong(code, by))
    with time_machine.travel(timezone.now() + timedelta(seconds=90)):
        page = person.open(agent.update(sneakers, {})["continue_url"])
        code = code_in_mail()
        for by in range(1, 6):
            page = person.press(page, "code", code=wrong(code, by))
        seen = agent.retrieve(sneakers)

    assert heading(page) == "Too many attempts"
    assert seen["status"] == "canceled"
    assert CheckoutSession.objects.get().state == "canceled"


@pytest.mark.requirement("T16")
def test_a_form_that_is_sent_twice_costs_one_attempt(person: Person, sneakers: dict[str, Any]) -> None:
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])

    first = person.press(page, "code", code=wrong(code))
    second = person.press(page, "code", code=wrong(code))

    assert "You have 4 attempts." in first.content.decode()
    assert "You have 4 attempts." in second.content.decode()
    assert Intervention.objects.get().attempts == 1


@pytest.mark.requirement("T16")
def test_one_form_does_not_pay_for_two_codes(person: Person, sneakers: dict[str, Any]) -> None:
    """A form that is sent again with another code is another attempt: else nothing would count."""
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])

    for by in range(1, 8):
        last = person.press(page, "code", code=wrong(code, by))

    assert Intervention.objects.get().attempts == 5
    assert heading(last) == "Too many attempts"
    assert heading(person.press(page, "code", code=code)) == "Too many attempts"


@pytest.mark.requirement("T12", "T14")
def test_another_code_is_sent_within_the_caps(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    first = code_in_mail()
    page = person.open(sneakers["continue_url"])
    person.press(page, "code", code=wrong(first))

    soon = person.press(page, "again")
    with time_machine.travel(timezone.now() + timedelta(seconds=45)):
        ready = person.open(sneakers["continue_url"])
        sent = person.press(ready, "again")
        second = code_in_mail()
        seen = agent.retrieve(sneakers)
        void = person.press(sent, "code", code=first) if first != second else None
        done = person.press(sent, "code", code=second)

    assert '<a href="#again">No new code can be sent yet.' in soon.content.decode()
    assert "A new code can be sent now." in ready.content.decode()
    assert "A new code is on its way to <strong>a***@example.com</strong>." in sent.content.decode()
    assert "You have 4 attempts." in sent.content.decode(), "a new code gives no new attempts"
    assert len(mail.outbox) == 2
    assert void is None or "That is not the code" in void.content.decode()
    assert heading(done) == "You have confirmed the purchase"
    assert seen["intervention_context"]["expires_at"] > sneakers["intervention_context"]["expires_at"]


@pytest.mark.requirement("ACP-148")
def test_a_code_that_is_out_of_time_can_be_replaced_on_the_page(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    """Decision 18: the challenge has ended, and the page's time has not."""
    old = code_in_mail()
    page = person.open(sneakers["continue_url"])

    with time_machine.travel(timezone.now() + timedelta(seconds=301)):
        late = person.press(page, "code", code=old)
        sent = person.press(late, "again")
        seen = agent.retrieve(sneakers)
        done = person.press(sent, "code", code=code_in_mail())
        ready = agent.retrieve(sneakers)

    assert "That code is out of time. Have a new one sent below." in late.content.decode()
    assert "Its time is over" in late.content.decode()
    assert seen["status"] == "authentication_required"
    assert heading(done) == "You have confirmed the purchase"
    assert ready["status"] == "ready_for_payment"


def test_after_its_own_end_the_page_says_so(person: Person, sneakers: dict[str, Any]) -> None:
    with time_machine.travel(timezone.now() + timedelta(seconds=901)):
        page = person.open(sneakers["continue_url"])

    assert (page.status_code, heading(page)) == (410, "This page is out of time")


def test_no_more_codes_than_the_caps_allow(person: Person, sneakers: dict[str, Any]) -> None:
    delivery.deliver_due()
    for seconds in (40, 110, 240):
        with time_machine.travel(timezone.now() + timedelta(seconds=seconds)):
            page = person.open(sneakers["continue_url"])
            if 'value="again"' in page.content.decode():
                page = person.press(page, "again")
                delivery.deliver_due()

    assert "No more codes can be sent for this purchase." in page.content.decode()
    assert len(mail.outbox) == 3


@pytest.mark.requirement("T10")
def test_a_second_browser_is_refused_and_the_agent_is_not(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])
    person.press(page, "code", code=wrong(code))
    second = Person()

    refused = second.press(second.open(sneakers["continue_url"]), "code", code=code)
    stopped = second.press(second.open(sneakers["continue_url"]), "stop")

    assert (refused.status_code, heading(refused)) == (410, "This was opened in another browser")
    assert stopped.status_code == 410
    assert Intervention.objects.get().state == "interacting"
    seen = agent.retrieve(sneakers)
    assert seen["status"] == "authentication_required"
    assert set(seen["intervention_context"]) == {"intervention_type", "challenge_hint", "expires_at"}
    assert told(agent, sneakers, code)["status"] == "ready_for_payment"
    late = person.press(page, "code", code=code)
    assert heading(late) == "This purchase is confirmed already"


def test_the_agent_wins_while_a_browser_enters(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    """A right code counts, also when the page is opened between its count and its comparison."""
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])
    compare = otp.compare

    def entered(row: Intervention, said: str) -> bool:
        with mock.patch.object(otp, "compare", compare):
            person.press(page, "code", code="")
        return compare(row, said)

    with mock.patch.object(otp, "compare", entered):
        answer = told(agent, sneakers, code)

    assert answer["status"] == "ready_for_payment"
    assert Intervention.objects.get().state == "passed"


def test_stop_ends_it_without_a_charge(agent: PlayedAgent, person: Person, sneakers: dict[str, Any]) -> None:
    page = person.press(person.open(sneakers["continue_url"]), "stop")

    assert heading(page) == "The purchase was not confirmed"
    seen = agent.retrieve(sneakers)
    assert seen["status"] == "not_ready_for_payment"
    assert "continue_url" not in seen


def test_the_session_learns_it_also_when_the_page_dies_before_it_says_so(
    agent: PlayedAgent, person: Person, sneakers: dict[str, Any]
) -> None:
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])

    with mock.patch.object(responses, "settled", side_effect=RuntimeError):
        done = person.press(page, "code", code=code)
    before = agent.retrieve(sneakers)["status"]
    delivery.deliver_due()

    assert heading(done) == "You have confirmed the purchase"
    assert before == "authentication_required"
    assert agent.retrieve(sneakers)["status"] == "ready_for_payment"


def test_the_code_is_nowhere_but_in_the_mail(person: Person, sneakers: dict[str, Any], caplog: Any) -> None:
    code = code_in_mail()

    with caplog.at_level("DEBUG"):
        done = person.press(person.open(sneakers["continue_url"]), "code", code=code)

    kept = [str(row) for model in (Intervention, OutboxMessage) for row in model.objects.values()]
    for text in (done.content.decode(), caplog.text, *kept):
        assert code not in text


@pytest.mark.parametrize(
    ("part", "broken_at"),
    [(codes_page, "keys"), (otp, "count"), (otp, "judge"), (otp, "compare"), (otp_codes, "seal")],
)
def test_a_report_of_an_error_holds_no_code(
    person: Person, sneakers: dict[str, Any], part: Any, broken_at: str
) -> None:
    """What Django mails to operators when something breaks: no form, no variable, no argument."""
    code = code_in_mail()
    page = person.open(sneakers["continue_url"])
    reports: list[str] = []

    def report(sender: Any, request: Any, **_: Any) -> None:
        reporter = ExceptionReporter(request, *sys.exc_info())
        reports.extend((reporter.get_traceback_text(), reporter.get_traceback_html()))

    got_request_exception.connect(report)
    try:
        # No function that raises: its own arguments would be in the report.
        with mock.patch.object(part, broken_at, None):
            broken = person.press(page, "code", code=code)
    finally:
        got_request_exception.disconnect(report)

    assert broken.status_code == 500
    assert len(reports) == 2
    assert "submission" in reports[0], "the other fields are there"
    for text in reports:
        assert code not in text


@pytest.mark.requirement("T08", "T46")
def test_a_refused_form_leaves_no_link_in_the_log(
    person: Person, sneakers: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Behind a proxy that changes the host, the referrer is our own page, and yet another site's."""
    path, fields = form(person.open(sneakers["continue_url"]), "code")

    refused = person.http.post(
        path, fields, headers={"Referer": f"https://www.shop.example{path}"}, secure=True
    )

    assert refused.status_code == 403
    assert "the form of a page was refused" in caplog.text
    assert sneakers["continue_url"].split("/")[-2] not in caplog.text


def test_the_link_is_for_its_own_page(person: Person, sneakers: dict[str, Any]) -> None:
    """A one-time code is not confirmed at the page of a provider, nor the other way round."""
    elsewhere = sneakers["continue_url"].removesuffix("/code")

    assert person.open(elsewhere).status_code == 404
    assert person.open(f"{elsewhere}/return").status_code == 404


@pytest.mark.requirement("ACP-014")
def test_the_page_speaks_the_buyers_language(agent: PlayedAgent, person: Person) -> None:
    session = agent.create("item_sneakers", capabilities=OTP, fulfillment_details=DETAILS, locale="de")

    page = person.open(session["continue_url"])
    failed = person.press(page, "code", code="1")

    assert heading(page) == "Geben Sie Ihren Code ein"
    assert "Senden Sie mir einen neuen Code" in page.content.decode()
    assert "<title>Fehler: " in failed.content.decode()
    for english in ("You have", "code can", "Enter", "message", "There is"):
        assert english not in failed.content.decode()


def test_every_field_of_the_form_is_in_it(person: Person, sneakers: dict[str, Any]) -> None:
    """T40: what was seen goes with each of the three answers."""
    page = person.open(sneakers["continue_url"])

    for answer in ("code", "again", "stop"):
        path, fields = form(page, answer)
        assert sneakers["continue_url"].endswith(path)
        assert {"csrfmiddlewaretoken", "seen"} <= set(fields)
