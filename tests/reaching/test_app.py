"""The merchant's own server: what it is told, what it says, and what nobody else can say in its place."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from gateway import app_events, merchant_signature, push_checks, reach_parts
from gateway.app_models import AppEvent
from gateway.persons import DjangoPersons
from interventions.channels.app_webhook import AppWebhook
from interventions.http import NoReply, Reply
from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached, PersonChannel
from tests.contracts.person_channel import PersonChannelContract

pytestmark = pytest.mark.django_db(transaction=True)

WHERE = "/agentic/account/app"
URL = "https://shop.example/agentic/account/requests/smn_1"


class AppServer:
    """The merchant's server as the `http` port sees it: verifies, remembers, and answers as told."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self.heard: dict[str, dict[str, Any]] = {}
        self.gone: set[str] = set()
        self.answer: Reply | None = None
        self.silent = False

    def request(self, method: str, url: str, *, headers: Any, body: bytes, **limits: Any) -> Reply:
        assert (method, url) == ("POST", "https://app.shop.example/notices")
        assert limits["timeout_seconds"] <= 5
        signed = headers["Merchant-Signature"]
        assert merchant_signature.signed_at(self.secret.encode(), body, signed, time.time()) is not None
        if self.silent:
            raise NoReply
        told = json.loads(body)
        if self.answer:
            return self.answer
        if told["person"] in self.gone:
            return Reply(404, {}, b"")
        self.heard[told["id"]] = told
        return Reply(202, {}, b'{"accepted": true}')


@pytest.fixture
def server(app_server: str) -> AppServer:
    return AppServer(app_server)


@pytest.fixture
def channel(server: AppServer) -> AppWebhook:
    def sign(body: bytes) -> str:
        return merchant_signature.header(server.secret.encode(), body, int(time.time()))

    return AppWebhook(server, "https://app.shop.example/notices", sign)


@pytest.fixture
def carla(transactional_db: None) -> str:
    return str(User.objects.create(username="carla").pk)


@pytest.fixture
def engaged() -> Iterator[list[tuple[str, str]]]:
    """What people engaged with; one thing waits, for one person."""
    heard: list[tuple[str, str]] = []

    def engage(request: str, person: str) -> bool:
        known = request == "smn_1"
        if known:
            heard.append((request, person))
        return known

    app_events.plug(engage)
    yield heard
    app_events.plug(app_events.nobody_engages)


def row(person: str = "7", **members: Any) -> ReachChannel:
    given = {"verified_at": timezone.now(), **members}
    return ReachChannel.objects.create(person=person, kind="webhook", fingerprint=person, **given)


def notice(person: str = "7", **members: Any) -> Notice:
    given = {"id": "ntc_1", "subject": "smn_1", "person": person, "title": "Shopper needs you", "url": URL}
    return Notice(**{**given, **members})


def said(secret: str, told: Any, *, at: float | None = None, signature: str | None = None) -> HttpResponse:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    signed = merchant_signature.header(secret.encode(), body, int(time.time() if at is None else at))
    return Client().post(
        WHERE,
        body,
        content_type="application/json",
        headers={"Merchant-Signature": signed if signature is None else signature},
    )


def event(type: str, person: str, id: str = "evt_1", **members: Any) -> dict[str, Any]:
    return {"id": id, "type": type, "person": person, **members}


# --- what it is told -----------------------------------------------------------------------


@pytest.mark.requirement("AA-210")
def test_the_server_is_told_who_is_needed_and_where(channel: AppWebhook, server: AppServer) -> None:
    ends = timezone.now().replace(microsecond=0) + timedelta(minutes=5)

    channel.reach(row(), notice(expires_at=ends))

    assert server.heard["ntc_1"] == {
        "id": "ntc_1",
        "person": "7",
        "title": "Shopper needs you",
        "url": URL,
        "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


@pytest.mark.requirement("AA-210")
@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (200, b'{"accepted": false}', ChannelGone),
        (404, b"", ChannelGone),
        (200, b"", NotReached),
        (200, b"ok", NotReached),
        (200, b"[true]", NotReached),
        (200, b'{"accepted": "yes"}', NotReached),
        (200, b'{"accepted": 1}', NotReached),
        (302, b'{"accepted": true}', NotReached),
        (401, b'{"accepted": true}', NotReached),
        (410, b'{"accepted": false}', NotReached),
        (503, b'{"accepted": true}', NotReached),
        (200, b"[" * 5000, NotReached),
    ],
    ids=range(12),
)
def test_only_a_plain_yes_is_one(
    channel: AppWebhook, server: AppServer, status: int, body: bytes, raised: type[Exception]
) -> None:
    server.answer = Reply(status, {}, body)

    with pytest.raises(raised):
        channel.reach(row(), notice())


def test_a_server_that_is_silent_was_not_reached(channel: AppWebhook, server: AppServer) -> None:
    server.silent = True

    with pytest.raises(NotReached):
        channel.reach(row(), notice())


class TestContract(PersonChannelContract):
    @pytest.fixture(autouse=True)
    def _played(self, channel: AppWebhook, server: AppServer) -> None:
        self.channel, self.server = channel, server

    def part(self) -> PersonChannel:
        return self.channel

    def somebody(self) -> ReachChannel:
        return ReachChannel.objects.filter(person="7").first() or row()

    def nobody(self) -> ReachChannel:
        self.server.gone.add("8")
        return row("8")

    def received(self, part: PersonChannel, channel: ReachChannel) -> list[str]:
        return [told["title"] for told in self.server.heard.values() if told["person"] == channel.person]


# --- what it says --------------------------------------------------------------------------


@pytest.mark.requirement("AA-210")
def test_an_app_counts_from_when_it_is_said_to_be_there_until_it_is_gone(app_server: str, carla: str) -> None:
    answer = said(app_server, event("app.installed", carla))
    assert (answer.status_code, answer.json()) == (200, {"received": True, "repeated": False})
    channel = ReachChannel.objects.get(person=carla, kind="webhook")
    assert channel.works

    with time_machine.travel(timezone.now() + timedelta(seconds=2)):
        said(app_server, event("app.gone", carla, "evt_2"))
    channel.refresh_from_db()
    assert not channel.works

    with time_machine.travel(timezone.now() + timedelta(seconds=4)):
        said(app_server, event("app.installed", carla, "evt_3"))
    channel.refresh_from_db()
    assert channel.works
    assert ReachChannel.objects.count() == 1


@pytest.mark.requirement("AA-210")
@pytest.mark.parametrize("order", [(0, 1), (1, 0), (1, 0, 1, 0)], ids=["in-order", "turned", "repeated"])
def test_what_was_signed_later_counts_whatever_comes_first(
    app_server: str, carla: str, order: tuple[int, ...]
) -> None:
    now = int(time.time())
    told = [(event("app.installed", carla, "evt_i"), now - 20), (event("app.gone", carla, "evt_g"), now - 10)]

    for number in order:
        assert said(app_server, told[number][0], at=told[number][1]).status_code == 200

    assert not ReachChannel.objects.get(person=carla).works
    assert AppEvent.objects.count() == 2


@pytest.mark.requirement("AA-210")
def test_what_the_person_switched_off_no_app_switches_on(app_server: str, carla: str) -> None:
    """Also one that had been gone in between."""
    said(app_server, event("app.installed", carla))
    long_ago = timezone.now() - timedelta(days=1)
    for number, failed_at in enumerate((None, long_ago)):
        ReachChannel.objects.filter(person=carla).update(enabled=False, failed_at=failed_at)

        with time_machine.travel(timezone.now() + timedelta(seconds=2 + number)):
            said(app_server, event("app.installed", carla, f"evt_2{number}"))

        assert not ReachChannel.objects.get(person=carla).enabled


def test_an_account_has_one_name(app_server: str, carla: str) -> None:
    """What a database would read as the same number is nobody."""
    for told in (f"0{carla}", f"+{carla}", "7_0", "9" * 64):
        assert said(app_server, event("app.installed", told)).status_code == 404

    assert not ReachChannel.objects.exists()


def test_whatever_is_no_id_of_an_account_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when accounts are known by UUIDs."""

    def strict(**_: object) -> None:
        raise ValidationError("is not a valid UUID")

    monkeypatch.setattr(User._default_manager, "filter", strict, raising=False)

    assert DjangoPersons().by_id("carla") is None


@pytest.mark.requirement("AA-210")
def test_an_engagement_is_told_once(app_server: str, carla: str, engaged: list[tuple[str, str]]) -> None:
    told = event("request.engaged", carla, request="smn_1")

    assert said(app_server, told).json() == {"received": True, "repeated": False}
    assert said(app_server, told).json() == {"received": True, "repeated": True}

    assert engaged == [("smn_1", carla)]


@pytest.mark.requirement("AA-210", "R41")
def test_nobody_else_can_say_so(app_server: str, carla: str, engaged: list[tuple[str, str]]) -> None:
    now = int(time.time())
    told = event("request.engaged", carla, request="smn_1")
    body = json.dumps(told).encode()
    genuine = merchant_signature.header(app_server.encode(), body, now)
    forged = [
        "",
        f"{genuine}, {genuine}",
        genuine.replace("v1=", "v0="),
        genuine.upper(),
        f"t={now},v1={'0' * 64}",
        f"t={now + 1},{genuine.partition(',')[2]}",
        f"t=-{now},{genuine.partition(',')[2]}",
        merchant_signature.header(b"another secret of thirty-two characters", body, now),
        merchant_signature.header(app_server.encode(), body + b" ", now),
        merchant_signature.header(b"", body, now),
        genuine[:-1] + ("0" if genuine[-1] != "0" else "1"),
    ]
    for signature in forged:
        answer = said(app_server, body, signature=signature)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_signature"), signature
    for late in (-301, 302):
        assert said(app_server, body, at=now + late).status_code == 400, late

    assert engaged == []
    assert not AppEvent.objects.exists()
    assert not ReachChannel.objects.exists()


def test_who_or_what_is_not_known_answers_alike_and_leaves_nothing(
    app_server: str, carla: str, engaged: list[tuple[str, str]]
) -> None:
    answers = {
        (answer.status_code, answer.content)
        for answer in (
            said(app_server, event("app.installed", "no-such-person")),
            said(app_server, event("request.engaged", carla, request="smn_of_somebody_else")),
            said(app_server, event("request.engaged", "no-such-person", request="smn_1")),
        )
    }

    assert [status for status, _ in answers] == [404]
    assert engaged == []
    assert not ReachChannel.objects.exists()
    assert not AppEvent.objects.exists()


@pytest.mark.parametrize(
    ("told", "param"),
    [
        ({"id": "e", "type": "app.bought", "person": "1"}, "$.type"),
        ({"id": "e", "person": "1"}, "$.type"),
        ({"type": "app.gone", "person": "1"}, "$.id"),
        ({"id": "e e", "type": "app.gone", "person": "1"}, "$.id"),
        ({"id": "e", "type": "app.gone"}, "$.person"),
        ({"id": "e", "type": "app.gone", "person": 7}, "$.person"),
        ({"id": "e", "type": "app.gone", "person": "x" * 65}, "$.person"),
        ({"id": "e", "type": "request.engaged", "person": "1"}, "$.request"),
    ],
    ids=range(8),
)
def test_what_is_missing_is_named(app_server: str, told: dict[str, Any], param: str) -> None:
    answer = said(app_server, told)

    assert (answer.status_code, answer.json()["param"]) == (400, param)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"id":"a","id":"b"}', b"\xff"], ids=range(5))
def test_genuine_bytes_that_are_no_message(app_server: str, body: bytes) -> None:
    assert said(app_server, body).status_code == 400


@pytest.mark.requirement("R22")
def test_the_secret_is_in_no_log_and_no_repr(
    app_server: str, carla: str, channel: AppWebhook, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        said(app_server, event("app.installed", carla))
        said("a secret that is nobody's, but long", event("app.gone", carla, "evt_2"))
        channel.reach(row(), notice())

    assert app_server not in caplog.text
    assert "v1=" not in caplog.text
    assert app_server not in repr((channel, reach_parts.app_webhook()))


def test_old_ids_are_forgotten(app_server: str, carla: str) -> None:
    said(app_server, event("app.installed", carla))
    assert app_events.purge() == 0
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert app_events.purge() == 1


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"url": "https://app.shop.example/n"}, "url and secret"),
        ({"url": "https://app.shop.example/n", "secret": "s" * 32, "key": "x"}, "url and secret"),
        ({"url": "https://app.shop.example/n", "secret": "s" * 31}, "32 characters"),
        ({"url": "http://app.shop.example/n", "secret": "s" * 32}, "https"),
        ({"url": "javascript:alert(1)", "secret": "s" * 32}, "https"),
        ("https://app.shop.example/n", "url and secret"),
    ],
    ids=range(6),
)
def test_a_setting_that_cannot_work_is_named_and_not_used(settings: Any, given: Any, problem: str) -> None:
    settings.AGENTIC_GATEWAY = {
        **settings.AGENTIC_GATEWAY,
        "AAUTH": True,
        "AAUTH_PERSON_SERVER": True,
        "REACH_WEBHOOK": given,
    }

    (found,) = push_checks.app(None)
    assert found.id == "agentic.E273"
    assert "REACH_WEBHOOK" in found.msg
    assert problem in found.msg
    assert reach_parts.app_webhook() is None
    assert said("s" * 32, event("app.gone", "1")).status_code == 404
