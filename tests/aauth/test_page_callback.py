"""Back to the agent: only where its provider has registered the way (AA-074 to AA-076; T29)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.utils import timezone

from gateway.models import Agent
from gateway.pending_models import PendingRequest
from tests.aauth.agents import SignedAgent
from tests.aauth.persons import (
    CALLBACK,
    Arriving,
    moved_on,
    parked,
    shopping,
)
from tests.people import heading
from tests.person.conftest import code_in_mail

FOREIGN = [
    "https://evil.example/done",
    "http://agents.example/done",
    "https://agents.example/done/",
    "https://agents.example/other",
    "https://agents.example:8443/done",
    "https://agents.example/done#x",
    "https://agents.example/done/../other",
    "https://agents.example.evil.example/done",
    "https://user@agents.example/done",
    "https://agents.example\\@evil.example/done",
    "//agents.example/done",
    "javascript:alert(1)",
    "http://localhost:9/done",
    "x" * 3000,
]


def form_action(page: HttpResponse) -> str:
    policy = dict(part.split(" ", 1) for part in page.headers["Content-Security-Policy"].split("; "))
    return policy["form-action"]


def confirmed(person: Arriving, callback: str = CALLBACK) -> HttpResponse:
    """The person has done all they were asked, and comes back to the page."""
    otp = person.open(person.go_on(callback=callback).headers["Location"])
    person.press(otp, "code", code=code_in_mail())
    moved_on()
    return person.open(person.path)


@pytest.mark.requirement("AA-070", "AA-074", "AA-076")
@pytest.mark.parametrize("callback", [CALLBACK, f"{CALLBACK}?flow=7"])
def test_the_registered_callback_is_followed_without_any_secret(signing: SignedAgent, callback: str) -> None:
    person = Arriving(parked(signing))
    page = person.come(callback=callback)

    back = confirmed(person, callback)

    assert form_action(page) == "'self' https://agents.example"
    assert back.status_code == 303
    assert back.headers["Location"] == callback
    assert back.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.requirement("AA-074")
def test_the_forms_on_the_way_may_lead_there_too(signing: SignedAgent) -> None:
    """Browsers hold every redirect that follows a form against the policy of its page."""
    person = Arriving(parked(signing))

    otp = person.open(person.go_on(callback=CALLBACK).headers["Location"])
    done = person.press(otp, "code", code=code_in_mail())
    waits = person.open(done.headers["Location"])

    assert form_action(otp) == form_action(waits) == "'self' https://agents.example"


@pytest.mark.requirement("AA-076", "T29")
@pytest.mark.parametrize("callback", FOREIGN)
def test_a_foreign_callback_is_neither_followed_nor_shown(signing: SignedAgent, callback: str) -> None:
    person = Arriving(parked(signing))

    page = person.come(callback=callback)
    if page.status_code == 200:
        assert form_action(page) == "'self'"
        assert "evil" not in page.content.decode()
        assert 'name="callback"' not in page.content.decode()
    sent = person.press(person.come(), "continue", callback=callback)
    otp = person.open(sent.headers["Location"])

    assert form_action(otp) == "'self'"
    assert PendingRequest.objects.get().callback_url == ""
    person.press(otp, "stop")
    moved_on()
    assert heading(person.open(person.path)) == "The purchase was not confirmed"


@pytest.mark.requirement("AA-076")
@pytest.mark.parametrize(
    ("told", "callback", "followed"),
    [
        ({"localhost_callback_allowed": True}, "http://localhost:53682/cb", True),
        ({"localhost_callback_allowed": True}, "http://127.0.0.1:1/", True),
        ({"localhost_callback_allowed": True}, "http://127.0.0.2:1/", False),
        ({"localhost_callback_allowed": True}, "http://localhost.evil.example/cb", False),
        ({"localhost_callback_allowed": True}, "https://evil.example/cb", False),
        ({"localhost_callback_allowed": "true"}, "http://localhost:53682/cb", False),
        ({"localhost_callback_allowed": False}, "http://localhost:53682/cb", False),
        ({"callback_endpoint": "http://evil.example/cb"}, "http://evil.example/cb", False),
        ({"callback_endpoint": 7}, CALLBACK, False),
        ({}, CALLBACK, False),
    ],
)
def test_what_a_provider_allows(counter: None, told: dict[str, Any], callback: str, followed: bool) -> None:
    with shopping(told=told) as agent:
        person = Arriving(parked(agent))

        back = person.go_on(callback=callback, answer="stop")

    if followed:
        assert back.headers["Location"] == f"{callback}?error=access_denied"
    else:
        assert heading(back) == "The purchase was not confirmed"


@pytest.mark.requirement("AA-076")
def test_an_agent_that_was_switched_off_gets_nobody_back(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    person.go_on(callback=CALLBACK)
    Agent.objects.filter(issuer=signing.provider.issuer).update(active=False)
    PendingRequest.objects.update(state="denied")

    assert person.open(person.path).status_code == 200


@pytest.mark.requirement("AA-075")
@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("denied", "access_denied"),
        ("revoked", "access_denied"),
        ("abandoned", "user_abandoned"),
        ("expired", "interaction_expired"),
        ("failed", "server_error"),
        ("canceled", "access_denied"),
        ("resolved", ""),
    ],
)
@pytest.mark.parametrize("callback", [CALLBACK, f"{CALLBACK}?flow=7"])
def test_the_callback_is_told_how_it_ended(
    signing: SignedAgent, state: str, error: str, callback: str
) -> None:
    person = Arriving(parked(signing))
    person.go_on(callback=callback)
    PendingRequest.objects.update(state=state)

    back = person.open(person.path)

    sign = "&" if "?" in callback else "?"
    assert back.status_code == 303
    assert back.headers["Location"] == (f"{callback}{sign}error={error}" if error else callback)


@pytest.mark.requirement("AA-075", "AA-078")
def test_a_person_who_comes_too_late_is_sent_back_with_the_reason(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    code = person.code

    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=True):
        back = person.come(code, CALLBACK)
        page = person.come(code, "https://evil.example/done")

    assert back.headers["Location"] == f"{CALLBACK}?error=interaction_expired"
    assert page.status_code == 410


@pytest.mark.requirement("AA-074")
def test_a_browser_that_is_not_the_persons_is_sent_nowhere(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    person.go_on(callback=CALLBACK)
    PendingRequest.objects.update(state="resolved")
    other = Arriving(person.pending)

    for page in (other.open(other.path), other.come(callback=CALLBACK)):
        assert page.status_code == 410
        assert CALLBACK not in page.content.decode()


@pytest.mark.requirement("AA-074", "T11")
def test_the_way_back_is_gone_once(signing: SignedAgent) -> None:
    """The button "back" leads to a page that says so, and not away again."""
    person = Arriving(parked(signing))
    person.go_on(callback=CALLBACK)
    PendingRequest.objects.update(state="resolved")

    first, second = person.open(person.path), person.open(person.path)

    assert first.status_code == 303
    assert second.status_code == 410
    assert heading(second) == "You are done here"
