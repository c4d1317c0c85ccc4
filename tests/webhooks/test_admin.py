"""What operators see and do (ACP-120, T94, T95)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from gateway.models import Agent, WebhookDelivery, WebhookEndpoint
from gateway.webhooks import endpoints
from tests.agents import PlayedAgent
from tests.operators import act, listing, log_in, page
from tests.webhooks.conftest import Clock, buy, relayed
from tests.webhooks.receiver import Receiver

SECRET = re.compile(r"whs_[A-Za-z0-9_-]{43}")
ADD = "admin:agentic_gateway_webhookendpoint_add"


@pytest.fixture
def operator(agent: PlayedAgent) -> Client:
    return log_in()


@pytest.mark.requirement("T94", "T95")
def test_the_secret_is_shown_once(
    operator: Client, row: Agent, agent: PlayedAgent, receiver: Receiver, allow: Callable[..., None]
) -> None:
    """In that one answer; not in a cookie, a session, the history or any later page. It works."""
    allow(receiver)

    made = operator.post(reverse(ADD), {"agent": row.pk, "url": receiver.url}, follow=True)

    found = SECRET.search(made.text)
    assert found is not None
    receiver.secret = found.group()
    assert "no-store" in made.headers["Cache-Control"]
    buy(agent)
    relayed()
    assert len(receiver.taken) == 1
    endpoint = WebhookEndpoint.objects.get()
    delivery = WebhookDelivery.objects.get()
    assert LogEntry.objects.count() == 1
    addresses = [listing(WebhookEndpoint), listing(WebhookDelivery)]
    for entry in (endpoint, delivery):
        addresses += [page(entry), page(entry).replace("/change/", "/history/")]
    for address in addresses:
        answer = operator.get(address)
        assert answer.status_code == 200
        assert receiver.secret not in answer.text
        assert endpoint.sealed_secret not in answer.text
    assert receiver.secret not in str(made.cookies)
    assert all(receiver.secret not in str(session.get_decoded()) for session in Session.objects.all())


@pytest.mark.requirement("T23", "ACP-123")
@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://169.254.169.254/", "https://[::1]/", "x"])
def test_an_address_that_we_would_not_send_to(operator: Client, row: Agent, url: str) -> None:
    answer = operator.post(reverse(ADD), {"agent": row.pk, "url": url})

    assert "This is no public https address" in answer.text
    assert not SECRET.search(answer.text)
    assert not WebhookEndpoint.objects.exists()


def test_an_endpoint_that_is_there_already(
    operator: Client, row: Agent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    answer = operator.post(reverse(ADD), {"agent": row.pk, "url": receiver.url})

    assert "already" in answer.text
    assert WebhookEndpoint.objects.count() == 1


def test_rotating(operator: Client, endpoint: WebhookEndpoint, receiver: Receiver) -> None:
    answer = act(operator, endpoint, "rotate", overlap_hours="2")

    found = SECRET.search(answer.text)
    assert found is not None
    endpoint.refresh_from_db()
    keys = [key.decode() for key in endpoints.secrets_of(endpoint)]
    assert keys == [found.group(), receiver.secret]
    assert LogEntry.objects.get().change_message == "New webhook secret: because"


def test_switching_off_and_on_and_trying(
    operator: Client, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    assert "can be replayed" in act(operator, endpoint, "disable", reason=None).text
    act(operator, endpoint, "disable", reason="moving house")
    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.disabled_because) == (False, "moving house")
    assert "disabled" in operator.get(page(endpoint)).text
    act(operator, endpoint, "enable")
    endpoint.refresh_from_db()
    assert endpoint.active

    assert "taken, with status 200" in act(operator, endpoint, "test").text
    receiver.says = lambda number: 500
    assert "not taken: status 500" in act(operator, endpoint, "test").text
    assert [heard.event["type"] for heard in receiver.heard] == ["test", "test"]
    lines = list(LogEntry.objects.values_list("change_message", flat=True))
    assert "The endpoint is disabled: moving house" in lines
    assert len(lines) == 4


def shown(operator: Client, query: str = "") -> list[str]:
    """The ids in the list of deliveries, as it shows them."""
    text = operator.get(listing(WebhookDelivery) + query).text
    return list(dict.fromkeys(f"whd_{found}" for found in re.findall(r"whd_5F([0-9a-f]{32})/change", text)))


@pytest.mark.requirement("ACP-120", "T95")
def test_dead_ones_come_first_and_are_replayed(
    operator: Client, agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    receiver.says = lambda number: 400 if number == 0 else 200
    for _ in range(3):
        buy(agent)
        relayed()
    dead = WebhookDelivery.objects.get(dead_at__isnull=False)

    assert len(shown(operator)) == 3
    assert shown(operator)[0] == dead.pk
    for state, count in (("dead", 1), ("delivered", 2), ("open", 0)):
        assert len(shown(operator, f"?state={state}")) == count
    act(operator, dead, "replay", reason="they fixed it")
    relayed()

    dead.refresh_from_db()
    assert dead.delivered_at
    assert LogEntry.objects.get().change_message == "The delivery is due again: they fixed it"
    assert "left alone" in act(operator, dead, "replay").text
    assert len(receiver.heard) == 4


def test_giving_up(
    operator: Client, agent: PlayedAgent, endpoint: WebhookEndpoint, receiver: Receiver, clock: Clock
) -> None:
    receiver.says = lambda number: 500
    buy(agent)
    relayed()
    waiting = WebhookDelivery.objects.get()

    act(operator, waiting, "give_up", reason="a test order")
    clock.passes(days=5)
    relayed()

    waiting.refresh_from_db()
    assert (waiting.error, waiting.tries) == ("given_up", 1)
    assert waiting.dead_at
    assert len(receiver.heard) == 1
    assert LogEntry.objects.get().change_message == "The delivery is given up: a test order"


def test_deliveries_of_one_agent(
    operator: Client, row: Agent, agent: PlayedAgent, endpoint: WebhookEndpoint
) -> None:
    buy(agent)
    relayed()
    other = Agent.objects.get(name="Other agent")

    for one, count in ((row, 1), (other, 0)):
        assert len(shown(operator, f"?endpoint__agent__id__exact={one.pk}")) == count


@pytest.mark.requirement("T95")
def test_looking_is_not_acting(
    agent: PlayedAgent, row: Agent, endpoint: WebhookEndpoint, receiver: Receiver
) -> None:
    receiver.says = lambda number: 400
    buy(agent)
    relayed()
    looker = User.objects.create_user("lena", is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view_webhook"))
    client = Client()
    client.force_login(looker)
    dead = WebhookDelivery.objects.get()

    for entry, action in ((dead, "replay"), (endpoint, "rotate"), (endpoint, "disable")):
        answer = act(client, entry, action)
        assert not SECRET.search(answer.text)
    assert client.post(reverse(ADD), {"agent": row.pk, "url": receiver.url}).status_code == 403

    dead.refresh_from_db()
    endpoint.refresh_from_db()
    assert dead.dead_at
    assert endpoint.active
    assert not LogEntry.objects.exists()
