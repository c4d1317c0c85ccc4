"""Where agents may be told, and what is stored of their secrets (T23, T24, T94, ACP-123)."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import override_settings

from gateway import sealed
from gateway.egress import PORTS, Egress
from gateway.models import Agent, WebhookDelivery, WebhookEndpoint
from gateway.webhooks import deliveries, endpoints, sending
from tests.agents import PlayedAgent
from tests.hostile.destinations import URLS
from tests.hostile.listeners import answer, listening, saying
from tests.hostile.test_egress import Sockets, resolver
from tests.webhooks.conftest import buy, relayed
from tests.webhooks.receiver import Receiver


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("agentic_webhook", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Sockets:
    """The real client, with the corpus's resolver, and nobody on this machine who may be asked."""
    sockets = Sockets()

    def client() -> Egress:
        return Egress(ports=PORTS, resolver=resolver, sockets=sockets)

    for place in ("endpoints", "sending"):
        monkeypatch.setattr(f"gateway.webhooks.{place}.egress", client)
    return sockets


@pytest.mark.requirement("T23", "ACP-123")
def test_no_hostile_address_is_saved_or_sent_to(row: Agent, strict: Sockets) -> None:
    """The whole corpus: refused by the command's and the form's judgement, and again at the send."""
    with listening(saying(answer())) as canary:
        for form in URLS:
            url = form.replace("{p}", str(canary.port))
            with pytest.raises(endpoints.EndpointNotTaken) as refused:
                endpoints.add(row, url)
            assert str(refused.value) == "This is no public https address that is known now."
        assert not WebhookEndpoint.objects.exists()

        secret = sealed.seal(b"s", endpoints.PURPOSE)
        for form in URLS:
            smuggled = form.replace("{p}", str(canary.port))[:2000]
            endpoint = WebhookEndpoint(agent=row, url=smuggled, sealed_secret=secret)
            verdict = sending.post(endpoint, "evt_x_1", b"{}")
            assert (verdict.outcome, verdict.status) == (sending.Outcome.AGAIN, None)
    assert strict.asked == []
    assert canary.connections == 0


@pytest.mark.requirement("T24")
def test_a_name_that_changes_its_mind_is_judged_at_every_send(
    agent: PlayedAgent, row: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads = ["93.184.216.34"]
    sockets = Sockets()

    def changing(host: str, port: int) -> Sequence[str]:
        return leads

    for place in ("endpoints", "sending"):
        monkeypatch.setattr(
            f"gateway.webhooks.{place}.egress", lambda: Egress(resolver=changing, sockets=sockets)
        )
    endpoints.add(row, "https://platform.test/hooks")
    leads[:] = ["127.0.0.1"]
    buy(agent)

    relayed()

    assert sockets.asked == []
    assert WebhookDelivery.objects.get().error == "no_reply"


@pytest.mark.requirement("T23")
def test_this_machine_is_for_the_demo_alone(
    row: Agent, receiver: Receiver, allow: Callable[..., None]
) -> None:
    allow(receiver, DEMO=False)

    with pytest.raises(endpoints.EndpointNotTaken):
        endpoints.add(row, receiver.url)


def test_an_agent_has_few_endpoints_and_none_twice(
    row: Agent, receiver: Receiver, allow: Callable[..., None]
) -> None:
    allow(receiver)
    for number in range(endpoints.MOST):
        endpoints.add(row, f"{receiver.url}/{number}")

    with pytest.raises(endpoints.EndpointNotTaken, match="already"):
        endpoints.add(row, f"{receiver.url}/0")
    with pytest.raises(endpoints.EndpointNotTaken, match="at most 5"):
        endpoints.add(row, f"{receiver.url}/5")


@pytest.mark.requirement("T94", "ACP-123")
def test_the_secret_is_in_no_row_and_no_log(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever was answered; every column of every table of ours is read."""
    caplog.set_level(logging.DEBUG)
    newer = endpoints.rotate(endpoint)
    secrets = (receiver.secret, newer)
    receiver.says = lambda number: [500, 400, 200][number % 3]
    for _ in range(3):
        buy(agent)
        relayed()

    rows = [
        str(values)
        for model in apps.get_models()
        if model._meta.app_label.startswith("agentic") or model._meta.app_label == "admin"
        for values in model.objects.values()
    ]
    assert len(rows) > 20
    for secret in secrets:
        assert not any(secret in text for text in rows)
        assert secret not in caplog.text
        assert secret not in repr(WebhookEndpoint.objects.get())


@pytest.mark.requirement("T94")
def test_the_hash_keys_can_be_rotated(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, settings: Any
) -> None:
    endpoints.rotate(endpoint)
    older = settings.AGENTIC_GATEWAY["HASH_KEYS"]
    fresh = "another-long-and-random-text-for-hashes"
    both = {**settings.AGENTIC_GATEWAY, "HASH_KEYS": [fresh, *older]}
    with override_settings(AGENTIC_GATEWAY=both):
        assert "of 1 endpoint" in told("seal-again")
    with override_settings(AGENTIC_GATEWAY={**both, "HASH_KEYS": [fresh]}):
        row = WebhookEndpoint.objects.get()
        assert endpoints.secrets_of(row)[1].decode() == receiver.secret
    with pytest.raises(CommandError, match="none of the HASH_KEYS"):
        told("seal-again")


# The command ---------------------------------------------------------------------------------


def test_the_command(row: Agent, receiver: Receiver, allow: Callable[..., None]) -> None:
    allow(receiver)

    receiver.secret = told("add", "Demo agent", receiver.url).splitlines()[-1]
    endpoint = WebhookEndpoint.objects.get()
    assert receiver.secret.startswith("whs_")
    assert told("list").split() == [endpoint.pk, "Demo", "agent", receiver.url, "works"]
    assert told("list", "Other agent") == ""
    assert "taken, with status 200" in told("test", endpoint.pk)
    assert (receiver.heard[0].event["type"], receiver.heard[0].genuine) == ("test", True)

    older = receiver.secret
    receiver.secret = told("rotate", endpoint.pk, "--overlap-hours", "0").splitlines()[-1]
    assert receiver.secret != older
    told("test", endpoint.pk)
    receiver.secret = older
    with pytest.raises(CommandError, match=r"status 401\. Does the receiver have this secret"):
        told("test", endpoint.pk)

    assert "is disabled" in told("disable", endpoint.pk)
    assert "was disabled before" in told("disable", endpoint.pk)
    assert told("list").split()[-1] == "disabled"
    assert "is enabled" in told("enable", endpoint.pk)
    assert receiver.secret not in told("list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "Nobody", "https://a.example/"], "no agent named 'Nobody'"),
        (["add", "Demo agent", "http://127.0.0.1:1/"], "no public https address"),
        (["rotate", "whe_0"], "no endpoint 'whe_0'"),
        (["test", "whe_0"], "no endpoint 'whe_0'"),
    ],
)
def test_what_the_command_refuses(row: Agent, arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        told(*arguments)


def test_a_disabled_endpoint_keeps_what_comes_and_replays_it(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    endpoints.disable(endpoint, "moving")
    buy(agent)
    relayed()
    [kept] = WebhookDelivery.objects.all()
    assert (kept.error, receiver.heard) == ("disabled", [])

    endpoints.enable(endpoint)
    assert deliveries.replay(kept.pk)
    relayed()

    assert len(receiver.taken) == 1


def test_an_agent_that_is_no_more_hears_nothing(
    agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    """T09: its keys are refused at once, and so is its endpoint: orders say who lives where."""
    buy(agent)
    Agent.objects.update(active=False)
    relayed()
    [kept] = WebhookDelivery.objects.all()
    assert (kept.error, receiver.heard) == ("disabled", [])
    assert not deliveries.replay(kept.pk)

    Agent.objects.update(active=True)
    assert deliveries.replay(kept.pk)
    relayed()

    assert len(receiver.taken) == 1
