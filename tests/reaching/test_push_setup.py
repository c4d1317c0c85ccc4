"""A device takes messages for the person who proved that they hold it, and for nobody else (AA-210)."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from gateway import windows
from gateway.person import push
from interventions import push_subscriptions
from interventions.push_devices import MOST_DEVICES
from interventions.reach_models import ReachChannel
from tests.reaching.browsers import Browser, PushService, raw, text

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = "http://testserver"
WHERE = "/agentic/account/push"


@pytest.fixture(autouse=True)
def uncounted() -> None:
    windows.forget()


class Shopper:
    """Somebody with an account, in a browser where they are signed in."""

    def __init__(self, name: str) -> None:
        self.user, _ = User.objects.get_or_create(username=name)
        self.http = Client()
        self.http.force_login(self.user)

    @property
    def id(self) -> str:
        return str(self.user.pk)

    @property
    def devices(self) -> list[ReachChannel]:
        return list(ReachChannel.objects.filter(person=self.id, kind=ReachChannel.WEB_PUSH))

    def say(self, what: str, body: Any, **headers: str) -> HttpResponse:
        return said(self.http, what, body, **headers)

    def subscribe(self, browser: Browser) -> HttpResponse:
        return self.say("subscribe", browser.subscription)

    def confirm(self, browser: Browser) -> HttpResponse:
        """The worker on the device brings back the last secret, with this person's cookie."""
        return self.say("confirm", {"proof": browser.shown[-1]["proof"]})

    def state(self, browser: Browser) -> str:
        told: str = self.say("standing", {"endpoint": browser.endpoint}).json()["state"]
        return told


def said(http: Client, what: str, body: Any, **headers: str) -> HttpResponse:
    told = body if isinstance(body, str) else json.dumps(body)
    return http.post(
        f"{WHERE}/{what}", told, content_type="application/json", headers={"Origin": ORIGIN, **headers}
    )


@pytest.fixture
def carla(service: PushService) -> Shopper:
    return Shopper("carla")


@pytest.fixture
def browser(service: PushService) -> Browser:
    return Browser(service)


@pytest.mark.requirement("AA-210")
def test_a_device_counts_only_once_it_has_brought_back_what_was_sent_to_it(
    carla: Shopper, browser: Browser, service: PushService
) -> None:
    told = carla.say("subscribe", {**browser.subscription, "label": "Phone \u202e of\n Carla"})

    assert (told.status_code, told.json()) == (200, {"state": "waiting"})
    (row,) = carla.devices
    assert (row.works, row.label) == (False, "Phone of Carla")
    (message,) = browser.shown
    assert message["title"] == "Messages of Demo Shop reach this device"

    assert carla.confirm(browser).json() == {"state": "on"}

    row.refresh_from_db()
    assert row.works
    assert carla.state(browser) == "on"
    assert carla.subscribe(browser).json() == {"state": "on"}, "a repeat sends nothing"
    assert len(service.pushed) == 1
    assert carla.confirm(browser).status_code == 409, "a secret is used once"


@pytest.mark.requirement("AA-210")
def test_a_secret_that_is_late_or_replaced_or_made_up_proves_nothing(
    carla: Shopper, browser: Browser
) -> None:
    carla.subscribe(browser)
    carla.say("test", {"endpoint": browser.endpoint})
    older, newer = (message["proof"] for message in browser.shown)

    for made_up in (older, "", "a" * 43, newer[:-1], newer + "a", None, [newer]):
        assert carla.say("confirm", {"proof": made_up}).status_code in (400, 409)
    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1)):
        assert carla.confirm(browser).status_code == 409
    assert not carla.devices[0].works


@pytest.mark.requirement("AA-210")
def test_a_copied_subscription_gives_nobody_somebody_elses_device(
    carla: Shopper, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    """What is sent for the thief reaches the device that was copied, where its own person is signed in."""
    carla.subscribe(browser)
    carla.confirm(browser)
    thief = Shopper("thief")

    thief.subscribe(browser)

    assert carla.confirm(browser).status_code == 409
    assert not thief.devices[0].works
    assert carla.devices[0].works
    assert thief.state(browser) == "waiting"
    assert carla.state(browser) == "on"


@pytest.mark.requirement("AA-210")
def test_keys_of_the_thiefs_own_do_not_open_what_is_sent_to_the_device(
    carla: Shopper, browser: Browser, service: PushService
) -> None:
    """The endpoint of one with the keys of the other: the message goes there and only the thief could
    read it, who never gets it."""
    carla.subscribe(browser)
    carla.confirm(browser)
    thief, own = Shopper("thief"), Browser(service, "other")

    thief.say("subscribe", {**own.subscription, "endpoint": browser.endpoint})

    assert own.shown == []
    with pytest.raises(Exception, match="Decryption"):
        browser.opened(service.pushed[-1].body)
    assert carla.devices[0].works


@pytest.mark.requirement("AA-210")
def test_a_device_that_changed_hands_tells_nothing_to_the_one_before(
    carla: Shopper, browser: Browser
) -> None:
    carla.subscribe(browser)
    carla.confirm(browser)
    dora = Shopper("dora")

    dora.subscribe(browser)
    assert carla.devices[0].works, "until the other has proved that they hold it"
    assert dora.confirm(browser).json() == {"state": "on"}

    assert carla.devices == []
    assert dora.devices[0].works
    assert carla.state(browser) == "off"


@pytest.mark.requirement("AA-210")
def test_another_key_of_the_same_device_is_proved_anew(
    carla: Shopper, browser: Browser, service: PushService
) -> None:
    carla.subscribe(browser)
    carla.confirm(browser)
    renewed = Browser(service)
    assert renewed.endpoint == browser.endpoint

    assert carla.say("subscribe", renewed.subscription).json() == {"state": "waiting"}

    assert not carla.devices[0].works
    carla.say("confirm", {"proof": renewed.opened(service.pushed[-1].body)["proof"]})
    assert carla.devices[0].works


@pytest.mark.requirement("AA-210")
@pytest.mark.parametrize(
    ("status", "answered", "state"),
    [(410, 410, "off"), (404, 410, "off"), (500, 502, "broken"), (429, 502, "broken")],
)
def test_a_device_that_its_service_does_not_take_is_not_used(
    carla: Shopper, browser: Browser, service: PushService, status: int, answered: int, state: str
) -> None:
    carla.subscribe(browser)
    carla.confirm(browser)
    service.status = status

    told = carla.say("test", {"endpoint": browser.endpoint})

    assert (told.status_code, told.json()["state"]) == (answered, state)
    assert not any(row.works for row in carla.devices)
    assert carla.state(browser) == state


@pytest.mark.requirement("AA-210")
@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "http://127.0.0.1:1/x",
        "https://localhost/x",
        "https://user@push.example/x",
        "https://push.example:8443/x",
        "file:///etc/passwd",
        "https://2130706433/x",
        "https://push.example/x#y",
        "",
        7,
    ],
)
def test_nothing_is_sent_to_where_we_do_not_send(
    carla: Shopper, browser: Browser, service: PushService, endpoint: Any
) -> None:
    told = carla.say("subscribe", {**browser.subscription, "endpoint": endpoint})

    assert (told.status_code, told.json()["member"]) == (400, "endpoint")
    assert carla.devices == []
    assert service.pushed == []


@pytest.mark.parametrize(
    ("member", "given"),
    [
        ("p256dh", text(b"\x04" + b"\x01" * 64)),
        ("p256dh", text(b"\x04" * 64)),
        ("p256dh", "a b"),
        ("p256dh", None),
        ("auth", text(b"a" * 15)),
        ("auth", ["x"]),
    ],
    ids=["no-point", "short-point", "no-base64url", "missing-point", "short-secret", "no-text"],
)
def test_keys_that_no_browser_gives_out_are_refused_by_name(
    carla: Shopper, browser: Browser, member: str, given: Any
) -> None:
    told = browser.subscription
    told["keys"][member] = given

    answer = carla.say("subscribe", told)

    assert (answer.status_code, answer.json()["member"]) == (400, f"keys.{member}")
    assert carla.devices == []


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{", '{"a":1,"a":2}', '{"keys":{}}', "\x00", '{"endpoint":"\\ud800","proof":"\\ud800"}'],
    ids=range(7),
)
@pytest.mark.parametrize("what", ["subscribe", "standing", "test", "remove", "confirm"])
def test_what_is_no_call_is_told_so_in_json(carla: Shopper, what: str, body: str) -> None:
    answer = carla.say(what, body)

    assert answer.status_code == 400, answer.content
    assert answer.json()["problem"] == "We could not use what your browser sent."


def test_who_is_not_signed_in_or_comes_from_elsewhere_is_refused(carla: Shopper, browser: Browser) -> None:
    assert said(Client(), "subscribe", browser.subscription).status_code == 401

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(carla.user)
    for what in ("subscribe", "standing", "test", "remove"):
        refused = said(strict, what, browser.subscription)
        assert (refused.status_code, refused["Content-Type"]) == (403, "application/json"), what
    # A worker has no token; where a request comes from, no other site can make up.
    for origin in (
        "https://evil.example",
        "null",
        "http://testserver.evil.example",
        "http://testserver:8000",
    ):
        assert said(strict, "confirm", {"proof": "x"}, Origin=origin).status_code == 403, origin
    unsaid = strict.post(f"{WHERE}/confirm", "{}", content_type="application/json")
    assert unsaid.status_code == 403
    assert said(strict, "confirm", {"proof": "x"}).status_code == 409
    assert carla.devices == []


def test_somebody_elses_device_answers_as_one_that_was_never_there(carla: Shopper, browser: Browser) -> None:
    carla.subscribe(browser)
    other = Shopper("other")

    for endpoint in (browser.endpoint, f"{browser.endpoint}-unknown"):
        told = {"endpoint": endpoint}
        assert other.say("standing", told).json() == {"state": "off"}
        assert other.say("remove", told).json() == {"state": "off"}
        assert other.say("test", told).status_code == 404
    assert len(carla.devices) == 1
    assert carla.say("remove", {"endpoint": browser.endpoint}).json() == {"state": "off"}
    assert carla.devices == []


def test_messages_and_devices_are_limited(carla: Shopper, browser: Browser, service: PushService) -> None:
    """Somebody with a copied subscription could otherwise keep a device ringing."""
    answers = [carla.subscribe(browser).status_code for _ in range(7)]
    assert answers == [200] * 6 + [429]
    windows.forget()
    for number in range(MOST_DEVICES - 1):
        ReachChannel.objects.create(person=carla.id, kind=ReachChannel.WEB_PUSH, fingerprint=str(number))

    assert carla.subscribe(Browser(service, "one-more")).status_code == 409


@pytest.mark.requirement("R22")
def test_no_secret_is_kept_or_logged_in_clear(
    carla: Shopper, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        carla.subscribe(browser)
        carla.confirm(browser)

    (row,) = carla.devices
    proof = browser.shown[0]["proof"]
    keys = browser.subscription["keys"]
    kept = repr(ReachChannel.objects.filter(pk=row.pk).values().get())
    for secret in (proof, keys["auth"], keys["p256dh"], browser.endpoint):
        assert secret not in kept
        assert secret not in caplog.text
    opened = push_subscriptions.unseal(row.address)
    assert opened.endpoint == browser.endpoint
    assert raw(opened.auth) == raw(keys["auth"])
    assert not any(secret in repr(opened) for secret in (keys["auth"], browser.endpoint))


def test_the_worker_is_for_the_account_alone_and_asks_nobody_but_us(service: PushService) -> None:
    answer = Client().get("/agentic/account/push-worker.js")

    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Service-Worker-Allowed"] == "/agentic/account/"
    assert answer["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"


def test_nothing_of_it_is_there_while_we_are_no_person_server(service: PushService, settings: Any) -> None:
    http = Client()
    unknown = http.post("/agentic/no/such/place", "{}", content_type="application/json")
    for switch in ("AAUTH", "AAUTH_PERSON_SERVER"):
        settings.AGENTIC_GATEWAY = {
            **settings.AGENTIC_GATEWAY,
            "AAUTH": True,
            "AAUTH_PERSON_SERVER": True,
            switch: False,
        }

        for what in ("push/subscribe", "push/confirm", "push-worker.js", "app"):
            answer = http.post(f"/agentic/account/{what}", "{}", content_type="application/json")
            assert (answer.status_code, answer.content) == (unknown.status_code, unknown.content), what


@pytest.mark.parametrize("missing", ["REACH_PUSH_KEY", "library", "contact", "file"])
def test_without_what_it_needs_there_is_no_such_channel(
    carla: Shopper, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    if missing == "library":
        monkeypatch.setattr("interventions.channels.web_push.LIBRARIES", ("no_such_library_here",))
    elif missing == "file":
        settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "REACH_PUSH_KEY": "/no/such/file"}
    elif missing == "contact":
        settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "REACH_PUSH_CONTACT": "", "SITE_CONTACT": ""}
    else:
        settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, missing: ""}

    assert carla.subscribe(browser).status_code == 503
    assert push.part() == {}
