"""What operators do with the keys that agents sign with (ACP-105, ACP-108, T09, T94, T95)."""

from __future__ import annotations

import re

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.sessions.models import Session
from django.test import Client

from gateway import public_keys, sealed, signing_keys
from gateway.models import Agent, AgentSigningKey
from tests.agents import MINIMAL, PlayedAgent
from tests.gateway.test_signing_keys import pem, private_pem
from tests.operators import act, listing, log_in, open_shop, page

SECRET = re.compile(r"sgs_[A-Za-z0-9_-]{43}")


@pytest.fixture
def agent(db: None) -> PlayedAgent:
    return open_shop()


@pytest.fixture
def operator(db: None) -> Client:
    return log_in()


@pytest.fixture
def row(agent: PlayedAgent) -> Agent:
    return Agent.objects.get(name="Demo agent")


@pytest.mark.requirement("ACP-105")
def test_a_public_key_is_added_and_shown(operator: Client, row: Agent) -> None:
    private = ec.generate_private_key(ec.SECP256R1())

    asked = act(operator, row, "add_public_key", reason=None)
    assert "public_key" in asked.text
    assert not row.signing_keys.exists()
    act(operator, row, "add_public_key", public_key=pem(private), signs="raw", label="fleet", back="1")

    key = row.signing_keys.get()
    assert (key.algorithm, key.signs, key.label, key.expires_at) == ("ES256", "raw", "fleet", None)
    assert LogEntry.objects.get().change_message == f"Signing key {key.pk} (ES256) added: because"
    for address in (page(row), page(key)):
        assert public_keys.fingerprint(key.public_key) in operator.get(address).text


@pytest.mark.requirement("ACP-105")
def test_what_is_no_public_key_is_told_why_and_does_not_come_back(operator: Client, row: Agent) -> None:
    """A private key that somebody pasted is on no page."""
    pasted = private_pem(ed25519.Ed25519PrivateKey.generate())

    answer = act(operator, row, "add_public_key", public_key=pasted, signs="canonical")

    assert "This is a private key" in answer.text
    assert pasted.splitlines()[1] not in answer.text
    assert not row.signing_keys.exists()


def test_a_key_that_is_there_already(operator: Client, row: Agent) -> None:
    text = pem(ed25519.Ed25519PrivateKey.generate())
    signing_keys.add(row, text)

    answer = act(operator, row, "add_public_key", public_key=text, signs="canonical")

    assert "already" in answer.text
    assert row.signing_keys.count() == 1
    assert not LogEntry.objects.exists()


def test_a_secret_is_shown_once(operator: Client, row: Agent) -> None:
    """In that one answer; not in a cookie, a session, the history or any later page."""
    older = signing_keys.add(row, pem(ed25519.Ed25519PrivateKey.generate()))

    answer = act(operator, row, "make_secret", signs="canonical", older_hours="1", label="")

    made = SECRET.search(answer.text)
    assert made is not None
    secret = made.group()
    key = row.signing_keys.exclude(pk=older.pk).get()
    assert sealed.unseal(key.sealed_secret, signing_keys.PURPOSE).decode() == secret
    older.refresh_from_db()
    assert older.expires_at is not None
    assert "no-store" in answer.headers["Cache-Control"]
    assert "keyed hash" not in answer.text
    assert secret not in str(answer.cookies)
    assert all(secret not in str(session.get_decoded()) for session in Session.objects.all())
    assert LogEntry.objects.get().change_message == f"Signing key {key.pk} (HMAC-SHA256) made: because"
    addresses = [listing(Agent), listing(AgentSigningKey)]
    for entry in (row, key):
        addresses += [page(entry), page(entry).replace("/change/", "/history/")]
    for address in addresses:
        text = operator.get(address).text
        assert secret not in text
        assert key.sealed_secret not in text


def test_one_signing_key_is_revoked(operator: Client, row: Agent) -> None:
    key, _ = signing_keys.add_secret(row)

    asked = act(operator, key, "revoke", reason=None)
    assert "cannot be undone" in asked.text
    assert signing_keys.is_live(AgentSigningKey.objects.get(pk=key.pk))
    act(operator, key, "revoke", reason="lost laptop")

    key.refresh_from_db()
    assert not signing_keys.is_live(key)
    assert key.sealed_secret == ""
    assert LogEntry.objects.get().change_message == "The signing key is revoked: lost laptop"


@pytest.mark.requirement("ACP-108")
@pytest.mark.django_db(transaction=True)
def test_the_policy_is_a_choice_on_the_agents_page(operator: Client, agent: PlayedAgent, row: Agent) -> None:
    forms = {
        f"{name}-{part}_FORMS": "0" for name in ("keys", "signing_keys") for part in ("TOTAL", "INITIAL")
    }
    edited = {"name": row.name, "active": "on", "signature_policy": "required", **forms}

    answer = operator.post(page(row), edited)

    assert answer.status_code == 302, answer.text
    row.refresh_from_db()
    assert (row.signature_policy, row.active) == ("required", True)
    assert agent.post("/checkout_sessions", MINIMAL).json()["code"] == "invalid_signature"


def test_two_agents_do_not_get_one_key(operator: Client, row: Agent) -> None:
    other = Agent.objects.get(name="Other agent")
    data = {
        "action": "make_secret",
        "_selected_action": [row.pk, other.pk],
        "confirmed": "1",
        "reason": "both",
        "signs": "canonical",
    }

    answer = operator.post(listing(Agent), data, follow=True)

    assert "Choose one agent" in answer.text
    assert not AgentSigningKey.objects.exists()


def test_an_inline_cannot_change_a_key(operator: Client, row: Agent) -> None:
    """T95: posted by hand, because the page has no fields for it."""
    key, _ = signing_keys.add_secret(row)
    inline = {
        "keys-TOTAL_FORMS": "0",
        "keys-INITIAL_FORMS": "0",
        "signing_keys-TOTAL_FORMS": "2",
        "signing_keys-INITIAL_FORMS": "1",
        "signing_keys-0-id": key.pk,
        "signing_keys-0-agent": row.pk,
        "signing_keys-0-label": "stolen",
        "signing_keys-0-DELETE": "on",
        "signing_keys-1-agent": row.pk,
        "signing_keys-1-algorithm": "Ed25519",
        "signing_keys-1-signs": "raw",
    }

    answer = operator.post(
        page(row), {"name": row.name, "active": "on", "signature_policy": "required", **inline}
    )

    assert answer.status_code == 302
    row.refresh_from_db()
    assert row.signature_policy == "required"
    assert [(kept.pk, kept.label) for kept in row.signing_keys.all()] == [(key.pk, "")]


@pytest.mark.parametrize("action", ["add_public_key", "make_secret"])
def test_who_may_look_may_not_act(row: Agent, action: str) -> None:
    """T95."""
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_agent"))
    client = Client()
    client.force_login(clerk)
    public = pem(ed25519.Ed25519PrivateKey.generate())

    answer = act(client, row, action, public_key=public, signs="canonical")

    assert SECRET.search(answer.text) is None
    assert not row.signing_keys.exists()
    assert f'value="{action}"' not in client.get(page(row)).text
