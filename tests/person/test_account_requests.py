"""What a person's agents want of them, and what they do about it (AA-205, AA-209, AA-212, AA-214, AA-215)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gateway import agents, bindings, parked, summons_answers, windows
from gateway.models import PendingRequest
from gateway.parked import Parked
from gateway.person.account import POSTS_PER_MINUTE
from gateway.person_models import AgentBinding, Grant, Summons
from interventions.models import Intervention
from tests.people import Person, heading
from tests.person.accounts import (
    AGENTS,
    DEVICES,
    FOREIGN,
    HISTORY,
    HOME,
    NEWS,
    Shopper,
    address,
    agent,
    granted,
    summoned,
)
from tests.person.test_every_page import locked_down

EVERY = (HOME, AGENTS, DEVICES, HISTORY)
OPENED = "You have opened this"
HOSTILE = (
    "<script>alert(1)</script>",
    "[click](javascript:alert(1))",
    "![x](https://evil.example/x.png)",
    "# Take this card number",
    "&#8238;gnp.exe \u202e\u200b",
    "```<img src=x onerror=alert(1)>\n<b>\n```",
    "{{ 7|add:7 }}",
)
MARKS = (
    "<script>alert",
    "<img",
    'href="javascript',
    "<h1>Take this card",
    "\u202e",
    "\u200b",
    "&#8238;gnp<",
    ">14<",
)


@pytest.fixture(autouse=True)
def _server(settings: Any, transactional_db: None) -> Iterator[None]:
    """The role is on, and nobody has done anything in this minute."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": True, "AAUTH_PERSON_SERVER": True}
    windows.forget()
    yield
    windows.forget()


@pytest.fixture
def alex() -> Shopper:
    return Shopper()


@pytest.fixture
def sam() -> Shopper:
    return Shopper("sam")


def everything() -> list[Any]:
    """What looking must not change."""
    return [list(model.objects.order_by("pk").values()) for model in (Summons, Grant, AgentBinding)]


# --- Whose it is ---------------------------------------------------------------------------------


@pytest.mark.requirement("AA-212", "T42")
@pytest.mark.parametrize("path", EVERY)
def test_a_visitor_signs_in_and_comes_back(alex: Shopper, path: str) -> None:
    summoned(alex, description="a secret of theirs")
    visitor = Person()

    sent = visitor.open(path)
    refused = visitor.http.post(path, {"answer": "x"})

    assert (sent.status_code, sent.headers["Location"]) == (303, f"/sign-in?next={path.replace('/', '%2F')}")
    assert sent.headers["Cache-Control"] == "no-store"
    assert refused.status_code == 403
    assert "a secret" not in refused.text
    assert alex.open(path).status_code == 200


@pytest.mark.requirement("AA-212", "T39")
def test_every_page_is_locked_down_and_looking_changes_nothing(alex: Shopper) -> None:
    row = summoned(alex)
    given = granted(alex)
    binding = AgentBinding.objects.get()
    before = everything()

    pages = (
        *EVERY,
        address(row),
        f"{AGENTS}/{binding.pk}/revoke",
        f"{AGENTS}/grants/{given.pk}/revoke",
        f"{HOME}requests/smn_none",
    )
    for path in pages:
        for hint in ({}, {"Sec-Purpose": "prefetch"}):
            page = alex.http.get(path, headers=hint)
            assert page.status_code == (404 if path.endswith("none") else 200), path
            locked_down(page, "account")
        assert alex.http.head(path).content == b""

    assert everything() == before


@pytest.mark.requirement("AA-212", "T46")
def test_what_is_somebody_elses_is_like_what_never_was(alex: Shopper, sam: Shopper) -> None:
    """And cannot be changed: the answers differ in nothing, and nothing happens."""
    row, question = summoned(sam), summoned(sam, kind=Summons.QUESTION, question="Red?")
    given = granted(sam)
    binding = AgentBinding.objects.get()
    way = sam.poll() and row.person
    before = everything()
    token = alex.open(HOME).context["csrf_token"]
    places = {
        address(row): (f"{HOME}requests/smn_none", ("continue", "decline")),
        address(question): (f"{HOME}requests/{'4' * 16}", ("reply", "decline")),
        f"{AGENTS}/{binding.pk}/revoke": (f"{AGENTS}/{binding.pk + 1}/revoke", ("revoke",)),
        f"{AGENTS}/grants/{given.pk}/revoke": (f"{AGENTS}/grants/grt_none/revoke", ("revoke",)),
    }

    assert way
    for theirs, (nobodys, answers) in places.items():
        for method in ("get", "post"):
            for answer in answers:
                data = {"answer": answer, "reply": "x", "csrfmiddlewaretoken": str(token)}
                found = [
                    alex.send(path, data) if method == "post" else alex.open(path)
                    for path in (theirs, nobodys)
                ]
                assert [page.status_code for page in found] == [404, 404], theirs
                assert heading(found[0]) == heading(found[1]) == "This is not in your account"
                windows.forget()
    assert alex.send(HOME, {"grant": given.pk, "csrfmiddlewaretoken": str(token)}).status_code == 404
    for path in EVERY:
        assert "Shopper" not in alex.open(path).text

    assert everything() == before


@pytest.mark.requirement("AA-212")
def test_without_the_role_there_is_no_account(alex: Shopper, settings: Any) -> None:
    unknown = Client().get("/agentic/no-such-thing")
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH_PERSON_SERVER": False}

    for path in (*EVERY, NEWS):
        found = alex.http.get(path)
        assert (found.status_code, found.content) == (unknown.status_code, unknown.content)
        assert alex.poll().status_code == 404


@pytest.mark.requirement("T46")
def test_a_form_that_is_not_from_our_page_is_refused(alex: Shopper) -> None:
    row = summoned(alex)
    before = everything()

    for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        for answer in ("continue", "decline"):
            assert alex.http.post(address(row), {"answer": answer}, headers=headers).status_code == 403

    assert everything() == before


def test_nobody_changes_their_account_all_the_time(alex: Shopper, sam: Shopper) -> None:
    pages = [alex.open(DEVICES), sam.open(DEVICES)]
    fields = {"answer": "mail", "csrfmiddlewaretoken": str(pages[0].context["csrf_token"])}
    for _ in range(POSTS_PER_MINUTE):
        assert alex.send(DEVICES, fields).status_code == 303

    last = alex.send(DEVICES, fields)

    assert last.status_code == 429
    assert 0 < int(last.headers["Retry-After"]) <= 60
    assert alex.open(DEVICES).status_code == 200
    theirs = {**fields, "csrfmiddlewaretoken": str(pages[1].context["csrf_token"])}
    assert sam.send(DEVICES, theirs).status_code == 303


# --- What waits ------------------------------------------------------------------------------------


@pytest.mark.requirement("AA-215")
def test_what_waits_is_listed_the_oldest_first(alex: Shopper) -> None:
    empty = alex.open(HOME)
    now = timezone.now()
    with time_machine.travel(now - timedelta(minutes=4), tick=False):
        summoned(alex, kind=Summons.PAYMENT, max_wait=600)
    with time_machine.travel(now - timedelta(minutes=2), tick=False):
        granted(alex, state="asked")
    question = summoned(alex, kind=Summons.QUESTION, question="Red or blue?", max_wait=600)

    page = alex.open(HOME)

    assert "Nothing waits for you." in empty.text
    assert "its request is here" in empty.text
    titles = [asked.title for asked, _, _ in page.context["rows"]]
    assert [title.partition(" asks ")[2] for title in titles] == [
        "you to pay",
        "for access",
        "you a question",
    ]
    assert "Shopper (agents.example)" in page.text
    for host in ("pay.example", "books.example"):
        assert f"<strong>{host}</strong>" in page.text
    assert address(question) in page.text
    assert "about 6 minutes" in page.text
    assert "ABCD" not in page.text


@pytest.mark.requirement("AA-205", "AA-213")
@pytest.mark.parametrize("why", ["declined", "late", "revoked", "blocked"])
def test_what_waits_no_more_is_not_listed(alex: Shopper, why: str) -> None:
    row = summoned(alex, max_wait=600)
    if why == "declined":
        alex.press(alex.open(address(row)), "decline")
    elif why == "late":
        Summons.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif why == "revoked":
        bindings.revoke(agent().owner, alex.id)
    else:
        agents.block(agent())

    assert alex.open(HOME).context["rows"] == []
    assert alex.poll().json()["waiting"] == 0


def test_lists_cost_the_same_with_more_rows(alex: Shopper) -> None:
    """Session, user, the rows, and the names of who asks."""

    def costs() -> list[int]:
        found = []
        for path in EVERY:
            with CaptureQueriesContext(connection) as statements:
                assert alex.open(path).status_code == 200
            found.append(len(statements))
        return found

    summoned(alex)
    granted(alex)
    costs()
    few = costs()
    for number in range(5):
        other = agent(f"aauth:other{number}@agents.example", f"Other {number}")
        summoned(alex, agent=other)
        granted(alex, agent=other)

    assert costs() == few
    assert max(few) <= 6, few


# --- One request -----------------------------------------------------------------------------------


@pytest.mark.requirement("AA-205", "AA-215")
def test_a_foreign_address_is_shown_and_opened_by_a_decision_alone(alex: Shopper) -> None:
    row = summoned(alex, description="Please **confirm** the delivery.")

    page = alex.open(address(row))
    left = alex.press(page, "continue")

    row.refresh_from_db()
    assert '<p class="host" translate="no"><bdi>pay.example</bdi></p>' in page.text
    assert "It is not a page of Demo Shop." in page.text
    assert "data-foreign" in page.text
    assert "ABCD" not in page.text
    assert f'href="{FOREIGN}' not in page.text
    assert "Please <strong>confirm</strong> the delivery." in page.text
    assert "form-action 'self' https://pay.example;" in page.headers["Content-Security-Policy"]
    assert "vouches for it" in page.text
    assert (left.status_code, left.headers["Location"]) == (303, f"{FOREIGN}?code=ABCD2345")
    assert left.headers["Referrer-Policy"] == "no-referrer"
    assert row.state == "engaged"
    assert heading(alex.open(address(row))) == OPENED


@pytest.mark.requirement("AA-205")
def test_it_can_be_opened_again_until_its_time_is_over(alex: Shopper) -> None:
    row = summoned(alex)
    alex.press(alex.open(address(row)), "continue")

    again = alex.press(alex.open(address(row)), "continue")
    Summons.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    late = alex.open(address(row))

    assert again.headers["Location"] == f"{FOREIGN}?code=ABCD2345"
    assert heading(late) == OPENED
    assert "Open it again" not in late.text


@pytest.mark.requirement("AA-214")
def test_a_page_of_ours_is_led_to_straight(alex: Shopper) -> None:
    """Whether the person has come is what the call itself says."""

    class Lot:
        came = False

        def of(self, pending_id: str) -> Parked:
            assert pending_id == "prq_1"
            return Parked("prq_1", True, self.came, "http://localhost:8000/agentic/aauth/i/x?code=WXYZ2345")

    parked.plug(Lot())  # type: ignore[arg-type]  # nothing else is asked here
    pending = {"state": "pending", "expires_at": timezone.now() + timedelta(minutes=5), "subject": "cs_1"}
    PendingRequest.objects.create(pk="prq_1", owner=agent().owner, operation="acp.complete", **pending)
    row = summoned(alex, pending="prq_1")

    listed = alex.open(HOME)
    page = alex.open(address(row))
    left = alex.press(page, "continue")
    assert [asked.id for asked, _, _ in listed.context["rows"]] == [row.pk]
    assert "It is a page of Demo Shop." in page.text
    assert "data-foreign" not in page.text
    assert left.headers["Location"] == "http://localhost:8000/agentic/aauth/i/x?code=WXYZ2345"

    PendingRequest.objects.update(state="interacting")
    Lot.came = True
    assert heading(alex.open(address(row))) == OPENED
    assert alex.open(HOME).context["rows"] == []


@pytest.mark.requirement("AA-209")
def test_a_question_is_answered_once(alex: Shopper) -> None:
    row = summoned(alex, kind=Summons.QUESTION, question="Red or *blue*?")

    page = alex.open(address(row))
    empty = alex.press(page, "reply", reply="  \n ")
    sent = alex.press(page, "reply", reply="Blue,\r\nplease.\u202e")
    again = alex.press(page, "reply", reply="Red.")

    row.refresh_from_db()
    assert "Red or <em>blue</em>?" in page.text
    assert "Never write a code, a password or the number of a card" in page.text
    assert 'role="alert"' in empty.text
    assert "<title>Error:" in empty.text
    assert {sent.status_code, again.status_code} == {303}
    assert summons_answers.of(row) == "Blue,\nplease."
    assert row.answer != "Blue,\nplease."
    end = alex.open(address(row))
    assert heading(end) == "Your agent has your answer"
    assert "Blue" not in end.text


@pytest.mark.requirement("AA-114", "AA-209")
def test_a_card_and_a_code_are_no_answers(alex: Shopper) -> None:
    row = summoned(alex, kind=Summons.QUESTION, question="What did the shop send you?")
    Intervention.objects.create(
        subject="cs_1",
        kind="otp",
        binding="x",
        amount=1,
        owner=row.owner,
        attempts_allowed=5,
        expires_at=timezone.now() + timedelta(minutes=5),
    )

    for reply in ("4242 4242 4242 4242", "It is 123456.", "x" * 4001):
        refused = alex.press(alex.open(address(row)), "reply", reply=reply)
        assert 'role="alert"' in refused.text
    row.refresh_from_db()
    assert (row.state, row.answer) == ("waiting", "")
    alex.press(alex.open(address(row)), "decline")
    row.refresh_from_db()
    assert row.state == "declined"


@pytest.mark.requirement("AA-205")
@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("declined", "You did not want this"),
        ("unreached", "The time for this is over"),
        ("failed", "This did not reach you in time"),
        ("canceled", "Your agent has withdrawn this"),
        ("waiting", "The time for this is over"),
    ],
)
def test_ends_say_what_happened(alex: Shopper, state: str, said: str) -> None:
    row = summoned(alex, max_wait=600)
    open_page = alex.open(address(row))
    Summons.objects.update(state=state, expires_at=timezone.now() - timedelta(seconds=1))

    end = alex.open(address(row))
    late = alex.press(open_page, "continue")

    assert heading(end) == said
    assert "What your agent asked" in end.text
    assert 'name="answer"' not in end.text
    assert late.headers["Location"] == address(row), "it leads nowhere any more"


@pytest.mark.requirement("AA-073")
def test_what_agents_write_is_shown_and_runs_nowhere(alex: Shopper) -> None:
    who = agent("aauth:<b>x@agents.example", "<script>alert(1)</script>\u202e")
    text = "\n\n".join(HOSTILE)
    rows = [
        summoned(alex, agent=who, description=text),
        summoned(alex, agent=who, kind=Summons.QUESTION, question=text),
    ]
    given = granted(
        alex, agent=who, scope="<img src=x> orders", account="<img>", audience="https://x.example/<img"
    )

    paths = (*EVERY, *map(address, rows), f"{AGENTS}/grants/{given.pk}/revoke")
    pages = [alex.open(path).text for path in paths]
    told = alex.poll().json()

    for text in pages:
        assert [mark for mark in MARKS if mark in text] == []
    assert "\u202e" not in told["title"]
    assert "Your agent wrote, and nobody has checked it:" in pages[4]


def test_it_is_german_for_germans(alex: Shopper) -> None:
    row = summoned(alex)
    german = {"Accept-Language": "de-AT"}

    page = alex.http.get(address(row), headers=german)
    told = alex.poll(**german).json()

    assert page.headers["Content-Language"] == "de"
    assert 'lang="de"' in page.text
    assert "Ihr Agent" in page.text
    assert "Eine Anfrage" in told["told"]
    for path in EVERY:
        text = alex.http.get(path, headers=german).text
        assert [word for word in ("Sign out", "Requests<", "How we reach", "asked on") if word in text] == []
