"""What holds for every page for people, whatever it asks (R36; T08, T10, T11, T39, T42, T46)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from checkout.models import CheckoutSession
from gateway.models import OutboxMessage
from gateway.person import misses
from gateway.person.visiting import BROWSER
from interventions import ports, services
from interventions.models import Intervention, InterventionMove
from tests.agents import PlayedAgent
from tests.people import Person, form
from tests.person.pages import EVERY, STARTS, VISITS, ask

pytestmark = pytest.mark.one_database(
    "About headers, forms and HTML; what the pages write is written by services that run on both."
)

FRAMED = {"confirm_embed"}
"""Pages that other sites may show in a frame, by a list."""
IDLE_SECONDS = 15 * 60
ANSWERS = ("continue", "code", "stop")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = ports.ports()
    misses.forget()
    yield
    ports.plug(before)
    misses.forget()


def everything() -> list[Any]:
    """What looking must not change."""
    models = (Intervention, InterventionMove, CheckoutSession, OutboxMessage)
    return [list(model.objects.order_by("pk").values()) for model in models]


def first_answer(page: HttpResponse) -> str:
    return next(answer for answer in ANSWERS if f'name="answer" value="{answer}"' in page.content.decode())


def enter(person: Person, url: str) -> HttpResponse:
    """The person's browser enters, and decides nothing yet."""
    page = person.open(url)
    return person.press(page, first_answer(page))


def attempt(person: Person, url: str, answer: str = "") -> HttpResponse:
    """The person's answer, by default the first that the page offers; the page itself when it asks them
    nothing."""
    page = person.open(url)
    offered = [known for known in ANSWERS if f'name="answer" value="{known}"' in page.content.decode()]
    return person.press(page, answer or offered[0]) if offered else page


def locked_down(response: HttpResponse, name: str) -> None:
    """T08, T39, T88."""
    headers = response.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == "'none'"
    assert name in FRAMED or policy["frame-ancestors"] == "'none'"
    assert name in FRAMED or headers["X-Frame-Options"] == "DENY"
    assert policy["script-src"].startswith("'nonce-")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Robots-Tag"] == "noindex"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_the_table_is_whole() -> None:
    assert {"order", "confirm", "confirm_return", "confirm_code"} <= set(EVERY)
    assert {"confirm", "confirm_code"} <= set(STARTS)


@pytest.mark.requirement("T08", "T39", "R36")
@pytest.mark.parametrize("name", VISITS)
def test_every_page_is_locked_down_whatever_it_says(agent: PlayedAgent, person: Person, name: str) -> None:
    asked = ask(agent, name)
    unknown = reverse(f"agentic:{name}", args=("0" * 96,))

    answers = {
        "asked": person.open(asked.url),
        "unknown": person.open(unknown),
        "ill-formed": person.open("/agentic/confirm/%00"),
        "refused": person.http.post(asked.url, {"answer": "stop"}),
        "unfit": Client().put(asked.url),
        "guessed": [person.open(unknown) for _ in range(misses.PER_MINUTE + 1)][-1],
    }
    CheckoutSession.objects.update(quote=CheckoutSession.objects.get().quote | {"lines": []})
    if name in STARTS:
        page = answers["asked"]
        answers["changed"] = person.press(page, first_answer(page))
    Intervention.objects.update(state="expired")
    answers["ended"] = person.open(asked.url)

    statuses = {said: answer.status_code for said, answer in answers.items()}
    expected = {"asked": 200, "unknown": 404, "ill-formed": 404, "refused": 403, "unfit": 405, "guessed": 429}
    changed = {"changed": 409} if name in STARTS else {}
    assert statuses == {**expected, **changed, "ended": 410}
    del answers["unfit"]
    for answer in answers.values():
        locked_down(answer, name)


@pytest.mark.requirement("T08", "T39", "R36")
def test_the_pages_of_an_order_are_locked_down_too(agent: PlayedAgent) -> None:
    order = agent.complete(agent.ready()).json()["order"]["id"]

    for order_id, status in ((order, 200), ("ord_0", 404), ("%00", 404)):
        page = Client().get(f"/agentic/orders/{order_id}")
        assert page.status_code == status
        locked_down(page, "order")


@pytest.mark.requirement("T08", "T39")
@pytest.mark.parametrize("cookie", ["", "forged", "a:b:c"])
def test_the_way_back_from_a_payment_provider_is_locked_down_too(shop: None, cookie: str) -> None:
    browser = Client()
    browser.cookies["agentic_departed"] = cookie

    page = browser.get("/agentic/confirm/returned/pay_1?payment_intent_client_secret=pi_1_secret_2")

    assert page.status_code == 409
    locked_down(page, "issuer_return")
    assert "pi_1_secret_2" not in page.content.decode()
    assert browser.post("/agentic/confirm/returned/pay_1").status_code == 405


@pytest.mark.requirement("R36")
@pytest.mark.parametrize("charset", ["hex", "unicode_escape", "idna", "undefined", "utf-16"])
@pytest.mark.parametrize("name", VISITS)
def test_a_request_is_read_as_our_forms_are_written(agent: PlayedAgent, name: str, charset: str) -> None:
    """A charset that is no text, or makes half a letter of one, is a refusal and no failure of ours."""
    url, http = ask(agent, name).url, Client(raise_request_exception=False)
    field = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n\\ud800\r\n'
    names = ("seen", "visit", "code", "state", "submission", "answer")
    form = "".join(map(field.format, names)) + "--x--\r\n"

    kind = f"multipart/form-data; boundary=x; charset={charset}"
    sent = http.generic("POST", url, form, kind, headers={"Origin": "http://localhost:8000"})
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    short = http.generic("POST", url, "seen=x", kind, headers={"Origin": "http://localhost:8000"})

    assert {400, 500}.isdisjoint({sent.status_code, short.status_code})


@pytest.mark.requirement("T42", "R36")
@pytest.mark.parametrize("name", VISITS)
def test_previews_and_prefetchers_consume_nothing(agent: PlayedAgent, person: Person, name: str) -> None:
    asked = ask(agent, name)
    before = everything()

    for round_trip in range(10):
        query = f"?code={round_trip}&state=x&error=y&answer=stop"
        for hint in ({}, {"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}):
            seen = Client().get(asked.url + query, headers=hint)
            head = Client().head(asked.url, headers=hint)
            assert seen.status_code == head.status_code == 200
            assert head.content == b""
            assert BROWSER not in seen.cookies
            assert BROWSER not in head.cookies

    assert everything() == before
    if name in STARTS:
        assert enter(person, asked.url).status_code in (200, 303)


@pytest.mark.requirement("T10", "R36")
@pytest.mark.parametrize("name", STARTS)
def test_the_second_browser_is_refused_and_the_first_goes_on(agent: PlayedAgent, name: str) -> None:
    asked = ask(agent, name)
    first, second = Person(), Person()
    entered = enter(first, asked.url)
    before = everything()

    for answer in ("", "stop"):
        refused = attempt(second, asked.url, answer)
        assert refused.status_code == 410
        assert "another browser" in refused.content.decode()
        assert BROWSER not in refused.cookies

    assert everything() == before
    assert entered.status_code in (200, 303)
    assert first.press(first.open(asked.url), "stop").status_code == 200
    assert Intervention.objects.get().state == "denied"


@pytest.mark.requirement("T46", "R36")
@pytest.mark.parametrize("name", VISITS)
@pytest.mark.parametrize("answer", [*ANSWERS, "again", ""])
def test_a_form_that_is_not_from_our_page_is_refused(
    agent: PlayedAgent, person: Person, name: str, answer: str
) -> None:
    """Without its token, with an invented one, from a foreign origin, from nowhere."""
    asked = ask(agent, name)
    page = person.open(asked.url)
    fields = form(page, first_answer(page))[1] if name in STARTS else {}
    before = everything()

    for changed, headers in (
        ({"csrfmiddlewaretoken": ""}, {}),
        ({"csrfmiddlewaretoken": "x" * 64}, {}),
        ({}, {"Origin": "https://evil.example"}),
        ({}, {"Origin": "null"}),
    ):
        given = {**fields, "answer": answer, **changed}
        refused = person.http.post(asked.url, given, headers=headers)
        assert refused.status_code == 403
        assert "Nothing was changed and nothing was charged." in refused.content.decode()
    assert Client(enforce_csrf_checks=True).post(asked.url, {**fields, "answer": answer}).status_code == 403

    assert everything() == before


@pytest.mark.requirement("T11", "T46", "R36")
@pytest.mark.parametrize("name", STARTS)
def test_the_cookie_of_another_visit_opens_nothing(agent: PlayedAgent, name: str) -> None:
    asked, mine = ask(agent, name), ask(agent, name)
    owner, other = Person(), Person()
    enter(owner, asked.url)
    enter(other, mine.url)
    stolen = other.http.cookies[BROWSER].value
    intruder = Person()
    intruder.http.cookies[BROWSER] = stolen

    refused = attempt(intruder, asked.url, "stop")

    assert refused.status_code == 410
    assert Intervention.objects.get(pk=asked.intervention).state == "interacting"
    for row in Intervention.objects.all():
        assert stolen not in str(vars(row))


@pytest.mark.requirement("T10")
@pytest.mark.parametrize("name", STARTS)
def test_a_browser_that_brings_a_secret_is_given_another(agent: PlayedAgent, name: str) -> None:
    """Session fixation: what somebody else may know is not taken over."""
    asked, person = ask(agent, name), Person()
    person.http.cookies[BROWSER] = "known-to-somebody-else"

    entered = enter(person, asked.url)

    assert len(entered.cookies[BROWSER].value) >= 43
    assert entered.cookies[BROWSER].value != "known-to-somebody-else"


@pytest.mark.requirement("T11")
@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize(("public_url", "secure"), [("https://shop.example", True), ("http://localhost", "")])
def test_what_the_browser_keeps_is_for_one_visit_and_fifteen_minutes(
    agent: PlayedAgent, settings: Any, name: str, public_url: str, secure: object
) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "PUBLIC_URL": public_url}
    settings.ALLOWED_HOSTS = ["*"]
    asked, person = ask(agent, name), Person()

    way_back = reverse("agentic:issuer_return", args=("as it is",))
    kept = enter(person, asked.url).cookies
    seen_again = person.open(asked.url).cookies[BROWSER]

    assert BROWSER in kept
    for cookie in [kept[name] for name in kept if name.startswith("agentic_")]:
        assert cookie["httponly"] is True
        assert cookie["secure"] == secure
        assert cookie["samesite"] == "Lax"
        assert cookie["max-age"] == IDLE_SECONDS
        assert cookie["path"].startswith(asked.url) or cookie["path"] == way_back, "of this payment alone"
        assert cookie["domain"] == ""
    assert seen_again.value == kept[BROWSER].value
    assert seen_again["max-age"] == IDLE_SECONDS, "each use begins the time anew"


@pytest.mark.requirement("T11")
@pytest.mark.parametrize("name", STARTS)
@pytest.mark.parametrize("end", ["stop", "canceled", "expired", "time"])
def test_nothing_is_kept_after_the_end(agent: PlayedAgent, name: str, end: str) -> None:
    """A shared computer."""
    asked, person = ask(agent, name), Person()
    kept = enter(person, asked.url).cookies
    row = Intervention.objects.get()

    with time_machine.travel(timezone.now() + timedelta(hours=2 if end == "time" else 0), tick=True):
        if end == "stop":
            last = person.press(person.open(asked.url), "stop")
        else:
            if end != "time":
                Intervention.objects.update(state=end)
            last = person.open(asked.url)

    ours = [name for name in kept if name.startswith("agentic_")]
    assert BROWSER in ours
    for cookie in ours:
        assert last.cookies[cookie].value == ""
        assert last.cookies[cookie]["max-age"] == 0
        assert last.cookies[cookie]["path"] == kept[cookie]["path"]
    assert not services.passed(row.subject, row.kind, row.binding)
