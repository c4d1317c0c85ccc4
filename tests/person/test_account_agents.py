"""Whose agents they are, what they may do, and how that is taken back (AA-212, AA-213, AA-215)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gateway import bindings, reach_channels, windows
from gateway.person_models import AgentBinding, Grant, IssuedToken, Summons
from interventions import reaching
from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached, Ways, plug, ways
from tests.people import form, heading
from tests.person.accounts import AGENTS, DEVICES, HISTORY, Shopper, address, agent, granted, summoned


@pytest.fixture(autouse=True)
def _server(settings: Any, transactional_db: None) -> Iterator[None]:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": True, "AAUTH_PERSON_SERVER": True}
    windows.forget()
    before = ways()
    yield
    windows.forget()
    plug(before)


@pytest.fixture
def alex() -> Shopper:
    return Shopper()


# --- Agents ----------------------------------------------------------------------------------------


@pytest.mark.requirement("AA-213")
def test_the_page_says_who_acts_and_what_it_may(alex: Shopper) -> None:
    empty = alex.open(AGENTS)
    given = granted(alex, scope="orders profile", account="A-7")
    granted(alex, state="denied", audience="https://no.example")
    until = timezone.now() + timedelta(minutes=30)
    token = {"typ": "aa-auth+jwt", "owner": given.owner, "person": alex.id, "audience": given.audience}
    IssuedToken.objects.create(jti="jti-of-a-token", grant=given, expires_at=until, **token)

    page = alex.open(AGENTS).text

    assert "No agent acts for you." in empty.text
    assert "nobody else can claim it" in empty.text
    for shown in ("Shopper", "agents.example", "books.example", "<code>profile</code>", "A-7"):
        assert shown in page
    assert until.strftime("%H:%M") in page
    assert "no.example" not in page
    assert "jti-of-a-token" not in page


@pytest.mark.requirement("AA-213", "AA-215")
def test_revoking_an_agent_takes_everything_back_and_keeps_it_theirs(alex: Shopper) -> None:
    given, row = granted(alex), summoned(alex)
    binding = AgentBinding.objects.get()
    url = f"{AGENTS}/{binding.pk}/revoke"

    asked = alex.open(url)
    kept = alex.press(asked, "keep")
    assert bindings.person_of(given.owner) == alex.id
    done = alex.press(asked, "revoke")
    again = alex.press(asked, "revoke")

    assert heading(asked) == "Revoke this agent?"
    assert {answer.headers["Location"] for answer in (kept, done, again)} == {AGENTS}
    assert bindings.person_of(given.owner) == ""
    assert AgentBinding.objects.get().person == alex.id
    assert Grant.objects.get().state == "revoked"
    row.refresh_from_db()
    assert row.state == "failed"
    page = alex.open(AGENTS).text
    assert "Revoked on:" in page
    assert "Revoke this agent" not in page


@pytest.mark.requirement("AA-215")
def test_a_single_grant_is_taken_back(alex: Shopper) -> None:
    given, other = granted(alex), granted(alex, audience="https://other.example")
    url = f"{AGENTS}/grants/{given.pk}/revoke"

    asked = alex.open(url)
    done = alex.press(asked, "revoke")

    assert heading(asked) == "Take this back?"
    assert "books.example" in asked.text
    assert done.headers["Location"] == AGENTS
    assert list(Grant.objects.order_by("audience").values_list("state", flat=True)) == ["revoked", "granted"]
    assert bindings.person_of(other.owner) == alex.id
    page = alex.open(AGENTS).text
    assert "other.example" in page
    assert "books.example" not in page


# --- Ways to be reached ------------------------------------------------------------------------------


class Played:
    """A push service that says what the test wants."""

    kind, slow = ReachChannel.WEB_PUSH, False

    def __init__(self) -> None:
        self.told: list[Notice] = []
        self.problem: Exception | None = None

    def is_ready(self, channel: ReachChannel, now: object) -> bool:
        return channel.failed_at is None

    def reach(self, channel: ReachChannel, notice: Notice) -> None:
        if self.problem:
            raise self.problem
        self.told.append(notice)


def device(person: str, **columns: Any) -> ReachChannel:
    given = {"verified_at": timezone.now(), "label": "My phone", "address": "sealed-endpoint", **columns}
    return ReachChannel.objects.create(
        person=person, kind=ReachChannel.WEB_PUSH, fingerprint=f"of {person}", **given
    )


@pytest.fixture
def push() -> Played:
    played = Played()
    plug(Ways(parts={**ways().parts, ReachChannel.WEB_PUSH: played}))
    return played


@pytest.mark.requirement("AA-210")
def test_a_way_is_tried_switched_and_removed(alex: Shopper, push: Played) -> None:
    row = device(alex.id)

    page = alex.open(DEVICES)
    tried = alex.press(page, "test")
    push.problem = NotReached()
    failed = alex.press(page, "test")
    row.refresh_from_db()
    failed_at = row.failed_at
    off = alex.press(page, "off")
    row.refresh_from_db()

    assert "My phone" in page.text
    assert "sealed-endpoint" not in page.text
    assert "Works" in page.text
    (notice,) = push.told
    assert (notice.person, notice.subject) == (alex.id, row.pk)
    assert notice.url == f"http://localhost:8000{DEVICES}"
    assert "The test was sent." in tried.text
    assert "did not get through" in failed.text
    assert "Does not work" in failed.text
    assert failed_at is not None
    assert (off.status_code, row.enabled) == (303, False)
    assert "Switched off" in alex.open(DEVICES).text
    alex.press(alex.open(DEVICES), "on")
    row.refresh_from_db()
    assert row.enabled
    push.problem = ChannelGone()
    alex.press(page, "test")
    alex.press(page, "remove")
    assert not ReachChannel.objects.exists()


@pytest.mark.requirement("AA-212")
def test_nobody_else_touches_it(alex: Shopper, push: Played) -> None:
    sam = Shopper("sam")
    row = device(alex.id)
    device(sam.id)
    page = sam.open(DEVICES)

    for answer in ("test", "off", "remove", "on"):
        sent = {"answer": answer, "csrfmiddlewaretoken": str(page.context["csrf_token"])}
        found = [sam.send(DEVICES, {**sent, "way": way}) for way in (row.pk, "rch_none", "4" * 16)]
        assert [one.status_code for one in found] == [404] * 3

    row.refresh_from_db()
    assert row.enabled
    assert push.told == []


@pytest.mark.requirement("AA-210")
def test_a_device_that_proved_nothing_is_not_tried(alex: Shopper, push: Played) -> None:
    device(alex.id, verified_at=None)

    page = alex.open(DEVICES)
    path, fields = form(page, "off")
    alex.send(path, {**fields, "answer": "test"})

    assert 'value="test"' not in page.text
    assert "Not used" in page.text
    assert push.told == []


@pytest.mark.requirement("AA-210")
def test_mail_is_for_who_wants_it(alex: Shopper) -> None:
    page = alex.open(DEVICES)
    done = alex.press(page, "mail")
    after = alex.open(DEVICES)

    assert "a***@example.com" in page.text
    assert "alex@example.com" not in page.text
    assert done.status_code == 303
    assert [row.kind for row in reaching.ready(alex.id)] == ["email"]
    assert "Write to me" not in after.text
    alex.press(after, "off")
    assert reaching.ready(alex.id) == []
    assert reach_channels.mail_of(alex.id) is not None


# --- History -----------------------------------------------------------------------------------------


@pytest.mark.requirement("AA-215")
def test_the_history_is_turned_page_by_page(alex: Shopper) -> None:
    empty = alex.open(HISTORY)
    who = agent()
    bindings.bind(who.owner, alex.id)
    now = timezone.now()
    for number in range(25):
        Summons.objects.create(
            owner=who.owner,
            person=alex.id,
            kind="question",
            question=f"Question {number}?",
            state="answered",
            answer="sealed-answer",
            fingerprint=f"{number}",
            wording="draft-11",
            expires_at=now,
            created_at=now - timedelta(minutes=number + 1),
        )
    given = granted(alex, state="denied")

    first, second = alex.open(HISTORY), alex.open(f"{HISTORY}?page=2")
    odd = [alex.open(f"{HISTORY}?page={text}") for text in ("0", "-1", "x", "٣", "9" * 9, "")]

    assert "No agent has asked anything of you yet." in empty.text
    assert (len(first.context["rows"]), len(second.context["rows"])) == (20, 6)
    assert first.context["rows"][0][0].id == given.pk
    assert "You did not allow it" in first.text
    assert "You answered" in second.text
    assert "sealed-answer" not in first.text
    assert "?page=2" in first.text
    assert "?page=1" in second.text
    assert "?page=3" not in second.text
    assert [page.status_code for page in odd] == [200] * 6
    assert "There is nothing older." in alex.open(f"{HISTORY}?page=400").text
    shown = [asked.id for page in (first, second) for asked, *_ in page.context["rows"]]
    assert len(set(shown)) == 26


@pytest.mark.requirement("AA-212")
def test_nothing_is_left_after_signing_out(alex: Shopper) -> None:
    row = summoned(alex, description="only for them")
    page = alex.open(address(row))
    assert page.headers["Cache-Control"] == "no-store"
    alex.poll()
    ways_before = ReachChannel.objects.count()

    out = alex.send("/sign-out", {"csrfmiddlewaretoken": str(page.context["csrf_token"])})

    assert heading(out) == "You have signed out"
    assert out.headers["Clear-Site-Data"] == '"cache"'
    assert ReachChannel.objects.count() == ways_before - 1
    for path in (address(row), HISTORY, AGENTS, DEVICES):
        found = alex.open(path)
        assert found.status_code == 303
        assert "only for them" not in found.text
    assert alex.send(address(row), {"answer": "continue"}).status_code == 403
