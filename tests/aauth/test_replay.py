"""A signature that changes something works once: requirement AA-404."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from checkout.models import CheckoutSession
from gateway.aauth import replay
from gateway.pending_models import UsedSignature
from interventions.prepared import insert
from tests.aauth.agents import ACP, SignedAgent
from tests.agents import MINIMAL
from tests.visitors import BASE as INTERACTION
from tests.visitors import told

SESSIONS = ACP + "/checkout_sessions"
BODY = json.dumps(MINIMAL).encode()


def signed(agent: SignedAgent, key: str | None = None, **options: Any) -> dict[str, str]:
    """A request that covers no Idempotency-Key, as most agents send it."""
    headers = agent.signed("POST", SESSIONS, BODY, {"API-Version": "2026-04-17"}, **options)
    return headers | ({"Idempotency-Key": key} if key else {})


@pytest.mark.requirement("AA-404")
@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_a_copied_request_changes_nothing(signer: SignedAgent, alg: str) -> None:
    signer.renew(alg)
    first = signed(signer, "one")

    made = signer.raw("POST", SESSIONS, BODY, first)
    with_another_key = signer.raw("POST", SESSIONS, BODY, {**first, "Idempotency-Key": "two"})
    without_one = signer.raw(
        "POST", SESSIONS, BODY, {k: v for k, v in first.items() if k != "Idempotency-Key"}
    )

    assert made.status_code == 201
    for copied in (with_another_key, without_one):
        assert copied.status_code == 401
        assert copied.headers["Signature-Error"] == "error=invalid_signature"
        assert "used before" in copied.json()["message"]
    assert CheckoutSession.objects.count() == 1


@pytest.mark.requirement("AA-404")
def test_an_honest_repeat_is_answered_again(signer: SignedAgent) -> None:
    first = signed(signer, "one")

    made = signer.raw("POST", SESSIONS, BODY, first)
    again = signer.raw("POST", SESSIONS, BODY, first)

    assert (again.status_code, again.content) == (201, made.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert CheckoutSession.objects.count() == 1


@pytest.mark.requirement("AA-404")
def test_reading_the_same_twice_in_a_second_is_no_replay(signer: SignedAgent) -> None:
    session = signer.acp("/checkout_sessions", MINIMAL).json()["id"]
    headers = signer.signed("GET", f"{SESSIONS}/{session}", headers={"API-Version": "2026-04-17"})

    answers = [signer.raw("GET", f"{SESSIONS}/{session}", b"", headers).status_code for _ in range(3)]

    assert answers == [200, 200, 200]


@pytest.mark.requirement("AA-404")
def test_the_other_spelling_of_an_ecdsa_signature_is_the_same(signer: SignedAgent) -> None:
    """Whoever copies a request can negate s, and it verifies."""
    from base64 import b64decode, b64encode

    from gateway.aauth.signatures import P256_ORDER

    signer.renew("ES256")
    first = signed(signer)
    raw = b64decode(first["Signature"].removeprefix("sig=:").removesuffix(":"))
    other = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    respelt = {**first, "Signature": f"sig=:{b64encode(other).decode()}:"}

    assert signer.raw("POST", SESSIONS, BODY, {**first, "Idempotency-Key": "one"}).status_code == 201
    assert signer.raw("POST", SESSIONS, BODY, {**respelt, "Idempotency-Key": "two"}).status_code == 401


@pytest.mark.requirement("AA-404")
def test_a_cart_is_not_filled_by_a_copy(signer: SignedAgent) -> None:
    body = json.dumps({"item_id": "item_mug", "quantity": 1}).encode()
    headers = signer.signed("POST", INTERACTION + "/cart", body)

    signer.raw("POST", INTERACTION + "/cart", body, headers)
    copied = signer.raw("POST", INTERACTION + "/cart", body, headers)

    assert copied.status_code == 401
    assert told(signer.get(INTERACTION + "/cart"))["items"][0]["quantity"] == 1


def test_used_signatures_are_forgotten_when_they_have_no_force(db: None) -> None:
    now = timezone.now()
    for number, offset in enumerate((-1, 60)):
        UsedSignature.objects.create(digest=f"{number}", expires_at=now + timedelta(seconds=offset))

    assert replay.purge() == 1
    assert replay.purge() == 0
    assert [row.digest for row in UsedSignature.objects.all()] == ["1"]


def crowd(agent: SignedAgent, headers: dict[str, str], count: int) -> list[int]:
    """So many copies of one request at once, each with an Idempotency-Key of its own; the statuses."""
    start, statuses = threading.Barrier(count), []

    def send() -> None:
        try:
            start.wait()
            told = {**headers, "Idempotency-Key": uuid.uuid4().hex}
            statuses.append(agent.raw("POST", SESSIONS, BODY, told).status_code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(statuses)


@pytest.mark.services
@pytest.mark.requirement("AA-404")
def test_of_a_crowd_of_copies_one_works(signer: SignedAgent) -> None:
    signer.acp("/checkout_sessions", MINIMAL)

    assert crowd(signer, signed(signer), 12) == [201] + [401] * 11
    assert CheckoutSession.objects.count() == 2


@pytest.mark.services
def test_without_the_constraint_a_crowd_would_get_through(
    signer: SignedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: looking first and writing then lets twins pass."""
    looked = threading.Barrier(6)

    def look_then_write(name: str, repeat_key: str, *, seconds: int) -> bool:
        seen = UsedSignature.objects.filter(pk=name).exists()
        looked.wait()
        if seen:
            return False
        until = timezone.now() + timedelta(seconds=seconds)
        insert([UsedSignature(digest=name, expires_at=until)], unless_there=True)
        return True

    signer.get(ACP + "/checkout_sessions/cs_1")
    monkeypatch.setattr(replay, "first_use", look_then_write)

    assert crowd(signer, signed(signer), 6) == [201] * 6
