"""What a push service gets, and what its answers mean (RFC 8030, 8291, 8292)."""

from __future__ import annotations

import logging
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from gateway import push_key, reach_parts
from gateway.egress import Egress
from interventions import push_devices, push_subscriptions
from interventions.channels.web_push import WebPush
from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, Notice, NotReached, PersonChannel
from tests.contracts.person_channel import PersonChannelContract
from tests.reaching.browsers import Browser, PushService

pytestmark = pytest.mark.django_db(transaction=True)

URL = "https://shop.example/agentic/account/requests/smn_1"


def channel() -> WebPush:
    made = reach_parts.web_push()
    assert made is not None
    return made


def device(browser: Browser, person: str = "7") -> ReachChannel:
    """A device that has proved that it is the person's."""
    row = push_devices.register(person, push_subscriptions.read(browser.subscription))
    proved = push_devices.confirm(person, push_devices.to_prove(row))
    assert proved is not None
    return proved


def notice(**members: Any) -> Notice:
    return Notice(
        **{
            "id": "ntc_1",
            "subject": "smn_1",
            "person": "7",
            "title": "Shopper needs you",
            "url": URL,
            **members,
        }
    )


@pytest.fixture
def browser(service: PushService) -> Browser:
    return Browser(service)


@pytest.mark.requirement("AA-210")
def test_the_browser_reads_it_and_the_service_knows_who_sends(browser: Browser, service: PushService) -> None:
    row = device(browser)

    channel().reach(row, notice(expires_at=timezone.now() + timedelta(seconds=90)))

    assert browser.shown == [{"id": "ntc_1", "title": "Shopper needs you", "url": URL}]
    (pushed,) = service.pushed
    sender = pushed.sender
    assert (sender["aud"], sender["sub"]) == (service.origin, "mailto:shop@demo.example")
    assert time.time() < sender["exp"] <= time.time() + 24 * 3600
    assert sender["key"] == push_key.public(push_key.key())
    assert pushed.headers["content-encoding"] == "aes128gcm"
    assert pushed.headers["urgency"] == "high"
    assert 80 <= int(pushed.headers["ttl"]) <= 90
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", pushed.headers["topic"])
    for clear in (b"Shopper", b"smn_1", b"ntc_1", b"shop.example"):
        assert clear not in pushed.body
        assert clear.decode() not in str(pushed.headers)


def test_a_repeat_replaces_and_another_notice_does_not(browser: Browser, service: PushService) -> None:
    row = device(browser)
    for id in ("ntc_1", "ntc_1", "ntc_2"):
        channel().reach(row, notice(id=id))

    first, again, other = (pushed.headers["topic"] for pushed in service.pushed)
    assert first == again != other


@pytest.mark.parametrize(("left", "kept"), [(None, 3600), (-5, 0), (86_400, 3600)])
def test_a_service_keeps_it_no_longer_than_it_matters(
    browser: Browser, service: PushService, left: int | None, kept: int
) -> None:
    ends = None if left is None else timezone.now() + timedelta(seconds=left)

    channel().reach(device(browser), notice(expires_at=ends))

    assert service.pushed[0].headers["ttl"] == str(kept)


@pytest.mark.parametrize(
    ("status", "raised"),
    [(404, ChannelGone), (410, ChannelGone)]
    + [(status, NotReached) for status in (301, 400, 401, 403, 413, 429, 500, 503)],
)
def test_what_a_service_answers(
    browser: Browser,
    service: PushService,
    status: int,
    raised: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = device(browser)
    service.status = status

    with caplog.at_level(logging.DEBUG), pytest.raises(raised):
        channel().reach(row, notice())

    assert len(service.pushed) == 1, "it is not tried twice, and nobody is followed"
    assert browser.endpoint not in caplog.text
    assert browser.subscription["keys"]["auth"] not in caplog.text


def test_a_service_that_is_not_there_and_an_address_that_turned_inwards(
    browser: Browser, service: PushService, settings: Any
) -> None:
    """The guard judges again at every send: the name of a push service may lead inside by then."""
    row = device(browser)
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "EGRESS_LOOPBACK": []}

    with pytest.raises(NotReached):
        channel().reach(row, notice())
    assert service.pushed == []


def test_it_is_not_called_inside_a_transaction(browser: Browser, service: PushService) -> None:
    row = device(browser)
    with transaction.atomic(), pytest.raises(RuntimeError):
        channel().reach(row, notice())
    assert service.pushed == []


@pytest.mark.requirement("AA-210")
def test_ready_is_only_what_was_proved_and_has_not_failed_since(
    browser: Browser, service: PushService
) -> None:
    now = timezone.now()
    new = push_devices.register("7", push_subscriptions.read(Browser(service, "new").subscription))
    assert not channel().is_ready(new, now)

    row = device(browser)
    assert channel().is_ready(row, now)
    for changed in ({"failed_at": now + timedelta(seconds=1)}, {"enabled": False}, {"kind": "email"}):
        ReachChannel.objects.filter(pk=row.pk).update(**changed)
        row.refresh_from_db()
        assert not channel().is_ready(row, now), changed
        ReachChannel.objects.filter(pk=row.pk).update(failed_at=None, enabled=True, kind="web_push")
    row = device(browser)
    assert channel().is_ready(row, now)


@pytest.mark.requirement("R22")
def test_what_cannot_be_opened_any_more_is_gone_and_no_repr_tells_secrets(
    browser: Browser, service: PushService
) -> None:
    row = device(browser)
    row.address = "no longer readable"

    with pytest.raises(ChannelGone):
        channel().reach(row, notice())
    assert "shop@demo" not in repr(channel())
    assert URL not in repr(notice())


class TestContract(PersonChannelContract):
    @pytest.fixture(autouse=True)
    def _played(self, service: PushService) -> None:
        self.service = service
        self.browser = Browser(service)

    def part(self) -> PersonChannel:
        return channel()

    def somebody(self) -> ReachChannel:
        found = push_devices.of_person("7").first()
        return found or device(self.browser)

    def nobody(self) -> ReachChannel:
        return push_devices.register(
            "8", push_subscriptions.read(Browser(self.service, "nobody").subscription)
        )

    def received(self, part: PersonChannel, channel: ReachChannel) -> list[str]:
        """A repeat has the tag of what it repeats, which the device then replaces."""
        if channel.person != "7":
            return []
        return list({message["id"]: message["title"] for message in self.browser.shown}.values())


def test_the_contract_is_served_by_our_own_client(service: PushService) -> None:
    assert isinstance(vars(channel())["_http"], Egress)
    assert isinstance(channel(), PersonChannel)
