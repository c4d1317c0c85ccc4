"""Signed requests: requirement section G, ACP-015, C-24; reliability-security T07, T09, T92, R41.

What is signed here is worked out by hand, not with the code under test.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings

from checkout.models import CheckoutSession
from gateway import signing_keys
from gateway.models import Agent, AgentSigningKey, IdempotentRequest
from tests.acp.test_statements import statements
from tests.agents import ADDRESS, MINIMAL, PlayedAgent

Sign = Callable[[bytes], bytes]

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SESSIONS = "/checkout_sessions"
BODY = {**MINIMAL, "buyer": {"email": "ada@example.com", "full_name": "Ada Łövelace"}}


# Signing by hand ---------------------------------------------------------------------------


def canonical(body: Any) -> bytes:
    """RFC 8785, for the bodies used here: ASCII names, no fractions."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def stamp(at: datetime | None = None) -> str:
    return (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")


def pem(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def with_secret(secret: str) -> Sign:
    return lambda signed: hmac.new(secret.encode(), signed, hashlib.sha256).digest()


def with_ecdsa(key: ec.EllipticCurvePrivateKey) -> Sign:
    def sign(signed: bytes) -> bytes:
        r, s = utils.decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    return sign


def enrolled(kind: str, *, name: str = "Demo agent", signs: str = "canonical", **more: Any) -> Sign:
    """The agent has a new key of this kind; what signs with it."""
    row = Agent.objects.get(name=name)
    if kind == "HMAC-SHA256":
        return with_secret(signing_keys.add_secret(row, signs=signs, **more)[1])
    if kind == "Ed25519":
        key = ed25519.Ed25519PrivateKey.generate()
        signing_keys.add(row, pem(key), signs=signs, **more)
        return key.sign
    curve = ec.generate_private_key(ec.SECP256R1())
    signing_keys.add(row, pem(curve), signs=signs, **more)
    return with_ecdsa(curve)


def signed_headers(
    sign: Sign, body: bytes, *, at: str | None = None, signs: str = "canonical"
) -> dict[str, str]:
    """The headers of a request with these bytes."""
    at = at or stamp()
    payload = body if signs == "raw" or not body else canonical(json.loads(body))
    payload = payload if signs == "canonical_body" else at.encode() + b"." + payload
    return {"Timestamp": at, "Signature": base64url(sign(payload))}


def spaced(body: Any) -> bytes:
    """JSON as people write it, which is far from canonical."""
    return json.dumps(body, indent=2, ensure_ascii=True).encode()


def require(name: str = "Demo agent") -> None:
    Agent.objects.filter(name=name).update(signature_policy="required")


def assert_refused(response: Any, *, names: str = "Signature") -> None:
    """401, the code, the header to blame, and nothing done."""
    assert (response.status_code, response.json()["code"]) == (401, "invalid_signature"), response.content
    assert response.json()["type"] == "invalid_request"
    assert names in response.json()["message"]
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert not CheckoutSession.objects.exists()
    assert not IdempotentRequest.objects.exists()


# What is accepted --------------------------------------------------------------------------


@pytest.mark.requirement("ACP-105", "ACP-106", "ACP-108", "ACP-110")
@pytest.mark.parametrize("signs", ["canonical", "canonical_body", "raw"])
@pytest.mark.parametrize("kind", ["Ed25519", "ES256", "HMAC-SHA256"])
def test_a_whole_purchase_is_signed(agent: PlayedAgent, kind: str, signs: str) -> None:
    """Every route, the body-less cancel and GET included, with a signature required on each."""
    sign = enrolled(kind, signs=signs)
    require()

    def post(path: str, body: Any) -> Any:
        raw = b"" if body is None else spaced(body)
        return agent.post(path, raw=raw, **signed_headers(sign, raw, signs=signs))

    made = post(SESSIONS, BODY)
    assert made.status_code == 201, made.content
    where = f"{SESSIONS}/{made.json()['id']}"

    changed = post(where, {"fulfillment_details": {"address": ADDRESS}})
    read = agent.get(where, **signed_headers(sign, b"", signs=signs))
    canceled = post(f"{where}/cancel", None)

    assert [answer.status_code for answer in (changed, read, canceled)] == [200, 200, 200]
    assert read.json()["buyer"]["full_name"] == "Ada Łövelace"


@pytest.mark.requirement("ACP-015", "ACP-108")
def test_without_a_key_on_record_the_headers_mean_nothing(agent: PlayedAgent) -> None:
    """Whatever they hold: they are optional, and there is nothing to hold them against."""
    for signature in ("abc", base64url(b"x" * 64), "*", ""):
        headers = {"Signature": signature, "Timestamp": "yesterday"}

        assert agent.post(SESSIONS, MINIMAL, **headers).status_code == 201
        assert agent.post(SESSIONS, MINIMAL, Signature=signature).status_code == 201


@pytest.mark.requirement("ACP-108")
def test_by_default_a_request_without_a_signature_passes(agent: PlayedAgent) -> None:
    """C-24: the policy is each agent's; a Timestamp alone says nothing."""
    enrolled("Ed25519")

    assert agent.post(SESSIONS, MINIMAL).status_code == 201
    assert agent.post(SESSIONS, MINIMAL, Timestamp="x").status_code == 201


@pytest.mark.requirement("ACP-105")
def test_two_keys_overlap_and_the_old_one_ends(agent: PlayedAgent) -> None:
    with time_machine.travel(NOW, tick=False) as clock:
        old = enrolled("Ed25519")
        new = enrolled("ES256", older_hours=1)
        raw = spaced(BODY)

        both = [agent.post(SESSIONS, raw=raw, **signed_headers(sign, raw)) for sign in (old, new)]
        clock.shift(timedelta(hours=1))
        late = [agent.post(SESSIONS, raw=raw, **signed_headers(sign, raw)) for sign in (old, new)]

    assert [answer.status_code for answer in both] == [201, 201]
    assert [answer.status_code for answer in late] == [401, 201]


@pytest.mark.requirement("ACP-106")
@pytest.mark.parametrize("padding", ["", "="])
def test_padding_is_free(agent: PlayedAgent, padding: str) -> None:
    sign = enrolled("HMAC-SHA256")
    raw = spaced(BODY)
    headers = signed_headers(sign, raw)
    headers["Signature"] += padding

    assert agent.post(SESSIONS, raw=raw, **headers).status_code == 201


@pytest.mark.requirement("ACP-106")
def test_a_right_signature_has_one_spelling(agent: PlayedAgent) -> None:
    """Too much padding, or bits set that no byte takes, and base64 means the same; here it is refused."""
    sign = enrolled("HMAC-SHA256")
    raw = spaced(BODY)
    headers = signed_headers(sign, raw)
    right = headers["Signature"]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    unused_bit = right[:-1] + alphabet[alphabet.index(right[-1]) + 1]

    assert base64.urlsafe_b64decode(unused_bit + "=") == base64.urlsafe_b64decode(right + "=")
    for other in (right + "==", unused_bit, f" {right}"):
        assert_refused(agent.post(SESSIONS, raw=raw, **{**headers, "Signature": other}))
    assert agent.post(SESSIONS, raw=raw, **headers).status_code == 201


@pytest.mark.requirement("ACP-106")
def test_the_canonical_form_survives_another_spelling_and_raw_bytes_do_not(agent: PlayedAgent) -> None:
    """What a proxy may do to JSON without changing it; "raw" is the choice that forbids it."""
    for signs, status in (("canonical", 201), ("raw", 401)):
        sign = enrolled("Ed25519", signs=signs, older_hours=0)
        headers = signed_headers(sign, canonical(BODY), signs=signs)

        assert agent.post(SESSIONS, raw=spaced(BODY), **headers).status_code == status
        assert agent.post(SESSIONS, raw=canonical(BODY), **headers).status_code == 201


@pytest.mark.requirement("ACP-106")
def test_a_repeat_signed_anew_is_the_same_request(agent: PlayedAgent) -> None:
    """The signature is no part of what the idempotency key stands for."""
    sign = enrolled("Ed25519")
    raw, key = spaced(BODY), uuid.uuid4().hex

    with time_machine.travel(NOW, tick=False) as clock:
        first = agent.post(SESSIONS, raw=raw, key=key, **signed_headers(sign, raw))
        clock.shift(10)
        again = agent.post(SESSIONS, raw=raw, key=key, **signed_headers(sign, raw))

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content


@pytest.mark.requirement("ACP-108")
def test_a_signature_of_rfc_9421_is_not_ours(agent: PlayedAgent, settings: Any) -> None:
    """Decision 30: with `Signature-Input` beside it nothing is verified here, and nothing is signed. Where
    AAuth is on, it would be an agent's own, and no key may stand beside it."""
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "AAUTH": False}
    enrolled("Ed25519")
    foreign = {"Signature": "sig=:AAAA:", "Signature-Input": 'sig=("@method");created=1'}

    assert agent.post(SESSIONS, MINIMAL, **foreign).status_code == 201
    require()
    refused = agent.post(SESSIONS, MINIMAL, **foreign)
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_signature")


def test_a_signature_costs_one_statement(agent: PlayedAgent) -> None:
    """And none is spent on a request without one, although a key is there."""
    sign = enrolled("Ed25519")
    raw = spaced(MINIMAL)
    agent.post(SESSIONS, raw=raw, **signed_headers(sign, raw))

    signed = statements(lambda: agent.post(SESSIONS, raw=raw, **signed_headers(sign, raw)))
    plain = statements(lambda: agent.post(SESSIONS, raw=raw))

    assert (len(signed), len(plain)) == (7, 6)


# What is refused ---------------------------------------------------------------------------


@pytest.mark.requirement("ACP-108")
@pytest.mark.parametrize("has_key", [True, False])
def test_where_a_signature_is_required_none_is_401(agent: PlayedAgent, has_key: bool) -> None:
    """C-24: on every route; also for an agent that cannot sign yet."""
    if has_key:
        enrolled("Ed25519")
    require()

    assert_refused(agent.post(SESSIONS, MINIMAL), names="Signature and Timestamp")
    assert_refused(agent.get(f"{SESSIONS}/cs_1"), names="Signature and Timestamp")
    headers = signed_headers(ed25519.Ed25519PrivateKey.generate().sign, spaced(BODY))
    assert_refused(agent.post(SESSIONS, raw=spaced(BODY), **headers))


HOSTILE = {
    "empty": "",
    "not base64": "!" * 86,
    "standard base64": "ab+/" * 21 + "ab==",
    "too short": "AAAA",
    "one byte short": base64url(b"x" * 63),
    "one byte long": base64url(b"x" * 65),
    "length of a shared secret's": base64url(b"x" * 32),
    "nothing but zeros": base64url(bytes(64)),
    "ten thousand characters": "A" * 10_000,
    "not ASCII": "ä" * 86,
    "trailing bits": "A" * 85 + "B",
    "padding inside": "A" * 43 + "=" + "A" * 42,
    "too much padding": "A" * 86 + "===",
    "two values": base64url(b"x" * 64) + ", " + base64url(b"y" * 64),
    "RFC 9421": "sig1=:" + base64.b64encode(b"x" * 64).decode() + ":",
}


@pytest.mark.requirement("ACP-106", "ACP-108")
@pytest.mark.parametrize("signature", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("kind", ["Ed25519", "ES256", "HMAC-SHA256"])
def test_hostile_signatures(agent: PlayedAgent, kind: str, signature: str) -> None:
    """One answer for all of them, which repeats nothing."""
    enrolled(kind)

    response = agent.post(SESSIONS, BODY, Signature=signature, Timestamp=stamp())

    assert_refused(response)
    assert len(signature) < 4 or signature[:20] not in response.text


@pytest.mark.requirement("ACP-106", "ACP-108")
@pytest.mark.parametrize("kind", ["Ed25519", "HMAC-SHA256"])
def test_two_signature_headers_are_refused_even_if_both_fit(agent: PlayedAgent, kind: str) -> None:
    """Two lines arrive joined by a comma."""
    sign = enrolled(kind)
    raw = spaced(BODY)
    headers = signed_headers(sign, raw)
    headers["Signature"] = ",".join([headers["Signature"]] * 2)

    assert_refused(agent.post(SESSIONS, raw=raw, **headers))


@pytest.mark.requirement("ACP-108")
def test_der_is_not_the_form_of_es256(agent: PlayedAgent) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signing_keys.add(Agent.objects.get(name="Demo agent"), pem(key))
    raw = spaced(BODY)

    headers = signed_headers(lambda signed: key.sign(signed, ec.ECDSA(SHA256())), raw)

    assert_refused(agent.post(SESSIONS, raw=raw, **headers))


@pytest.mark.requirement("ACP-108")
def test_keys_that_are_not_this_agents(agent: PlayedAgent) -> None:
    """T09: another agent's, an unknown one, a revoked one, an expired one, and one of another algorithm."""
    foreign = enrolled("Ed25519", name="Other agent")
    revoked = enrolled("HMAC-SHA256")
    expired = enrolled("ES256")
    row = Agent.objects.get(name="Demo agent")
    for key in row.signing_keys.all():
        if key.algorithm == "HMAC-SHA256":
            assert signing_keys.revoke(key)
        else:
            AgentSigningKey.objects.filter(pk=key.pk).update(
                expires_at=datetime.now(UTC) - timedelta(seconds=1)
            )
    unknown = ed25519.Ed25519PrivateKey.generate().sign
    raw = spaced(BODY)

    for sign in (foreign, revoked, expired, unknown):
        assert_refused(agent.post(SESSIONS, raw=raw, **signed_headers(sign, raw)))
    enrolled("Ed25519")
    for sign in (foreign, revoked, expired, unknown):
        assert_refused(agent.post(SESSIONS, raw=raw, **signed_headers(sign, raw)))


@pytest.mark.requirement("ACP-108")
def test_a_public_key_is_no_secret(agent: PlayedAgent) -> None:
    """The old trick with JWTs: HMAC keyed with the public key, which everybody may know."""
    key = ed25519.Ed25519PrivateKey.generate()
    row = signing_keys.add(Agent.objects.get(name="Demo agent"), pem(key))
    raw = spaced(BODY)

    for guess in (pem(key), row.public_key):
        assert_refused(agent.post(SESSIONS, raw=raw, **signed_headers(with_secret(guess), raw)))


@pytest.mark.requirement("ACP-106", "ACP-110")
def test_another_body_under_the_same_signature(agent: PlayedAgent) -> None:
    """Each with the bytes that were signed replaced: a value, a name, nothing at all, no JSON."""
    sign = enrolled("Ed25519")
    raw = spaced(BODY)
    headers = signed_headers(sign, raw)
    others = (
        spaced({**BODY, "line_items": [{"id": "item_mug", "quantity": 2}]}),
        spaced({**BODY, "x": None}),
        raw.replace(b"usd", b"eur"),
        b"{}",
        b"",
        raw[:-1],
        b"\xff",
    )

    for other in others:
        assert_refused(agent.post(SESSIONS, raw=other, **headers))


@pytest.mark.requirement("ACP-110")
def test_raw_bytes_are_verified_before_they_are_read_as_json(agent: PlayedAgent) -> None:
    """A signed body that is not JSON is told what it is; an unsigned one is told nothing."""
    sign = enrolled("Ed25519", signs="raw")

    signed = agent.post(SESSIONS, raw=b"{", **signed_headers(sign, b"{", signs="raw"))
    forged = agent.post(SESSIONS, raw=b"{", **signed_headers(sign, b"[", signs="raw"))

    assert (signed.status_code, signed.json()["code"]) == (400, "invalid_json")
    assert_refused(forged)


@pytest.mark.requirement("ACP-110")
def test_a_refused_signature_neither_takes_nor_replays_an_idempotency_key(agent: PlayedAgent) -> None:
    sign = enrolled("Ed25519")
    raw, key = spaced(BODY), uuid.uuid4().hex
    good = signed_headers(sign, raw)
    bad = {**good, "Signature": base64url(bytes(64))}

    assert_refused(agent.post(SESSIONS, raw=raw, key=key, **bad))
    first = agent.post(SESSIONS, raw=raw, key=key, **good)
    after = agent.post(SESSIONS, raw=raw, key=key, **bad)

    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    assert (after.status_code, after.json()["code"]) == (401, "invalid_signature")


@pytest.mark.requirement("ACP-108")
def test_the_bearer_key_is_looked_at_first(agent: PlayedAgent) -> None:
    """ACP-101: a signature alone is no credential, and the version comes after it."""
    sign = enrolled("Ed25519")
    raw = spaced(BODY)
    headers = signed_headers(sign, raw)

    nobody = agent.post(SESSIONS, raw=raw, Authorization=None, **headers)
    forged = agent.post(SESSIONS, raw=raw, **{**headers, "API-Version": None, "Signature": "x"})
    old = agent.post(SESSIONS, raw=raw, **{**headers, "API-Version": None})

    assert nobody.json()["code"] == "unauthorized"
    assert forged.json()["code"] == "invalid_signature"
    assert old.json()["code"] == "missing_api_version"


# The time ----------------------------------------------------------------------------------


@pytest.mark.requirement("ACP-107")
@pytest.mark.parametrize(
    ("seconds", "fits"),
    [(0, True), (-300, True), (300, True), (-301, False), (301, False), (-86_400, False), (86_400, False)],
)
def test_the_window_is_five_minutes_either_way(agent: PlayedAgent, seconds: int, fits: bool) -> None:
    """T92, R41: the signature itself is right each time."""
    sign = enrolled("Ed25519")
    raw = spaced(BODY)

    with time_machine.travel(NOW, tick=False):
        headers = signed_headers(sign, raw, at=stamp(NOW + timedelta(seconds=seconds)))
        response = agent.post(SESSIONS, raw=raw, **headers)

    if fits:
        assert response.status_code == 201
    else:
        assert_refused(response, names="Timestamp")
        assert "300 seconds" in response.json()["message"]


@pytest.mark.requirement("ACP-107")
def test_the_window_is_a_setting(agent: PlayedAgent, settings: Any) -> None:
    settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "SIGNATURE_SKEW_SECONDS": 10}
    sign = enrolled("Ed25519")
    raw = spaced(BODY)

    with time_machine.travel(NOW, tick=False):
        late = signed_headers(sign, raw, at=stamp(NOW - timedelta(seconds=11)))
        soon = signed_headers(sign, raw, at=stamp(NOW - timedelta(seconds=10)))

        assert_refused(agent.post(SESSIONS, raw=raw, **late), names="Timestamp")
        assert agent.post(SESSIONS, raw=raw, **soon).status_code == 201


@pytest.mark.requirement("ACP-106", "ACP-107")
@pytest.mark.parametrize(
    "at",
    [
        "2026-05-04T12:00:00Z",
        "2026-05-04t12:00:00z",
        "2026-05-04 12:00:00Z",
        "2026-05-04T12:00:00.123456789Z",
        "2026-05-04T14:00:00+02:00",
        "2026-05-04T06:30:00.5-05:30",
        "2026-05-04T12:00:00-00:00",
    ],
)
def test_every_form_of_rfc_3339(agent: PlayedAgent, at: str) -> None:
    """It is signed as it is written."""
    sign = enrolled("Ed25519")
    raw = spaced(BODY)

    with time_machine.travel(NOW, tick=False):
        assert agent.post(SESSIONS, raw=raw, **signed_headers(sign, raw, at=at)).status_code == 201


@pytest.mark.requirement("ACP-107")
@pytest.mark.parametrize(
    "at",
    [
        None,
        "",
        "now",
        "1777896000",
        "2026-05-04",
        "2026-05-04T12:00Z",
        "2026-05-04T12:00:00",
        "20260504T120000Z",
        "2026-W19-1T12:00:00Z",
        "2026-13-04T12:00:00Z",
        "2026-05-04T25:00:00Z",
        "2026-05-04T12:00:00+99:00",
        "2026-05-04T12:00:00Z, 2026-05-04T12:00:00Z",
        "0000-00-00T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "٢٠٢٦-05-04T12:00:00Z",
        "2026-05-04T12:00:00." + "0" * 5000 + "Z",
    ],
)
def test_a_timestamp_that_is_none(agent: PlayedAgent, at: str | None) -> None:
    sign = enrolled("Ed25519")
    raw = spaced(BODY)

    with time_machine.travel(NOW, tick=False):
        signature = signed_headers(sign, raw, at=at or "x")["Signature"]
        headers = {"Signature": signature} if at is None else {"Signature": signature, "Timestamp": at}
        response = agent.post(SESSIONS, raw=raw, **headers)

    assert_refused(response, names="Timestamp")
    assert not at or len(at) < 4 or at not in response.text


@pytest.mark.requirement("ACP-107", "ACP-110")
def test_the_time_cannot_be_renewed(agent: PlayedAgent) -> None:
    """It is part of what is signed, unless the key is one for the body alone."""
    bound = enrolled("Ed25519")
    raw = spaced(BODY)
    old = NOW - timedelta(hours=1)

    with time_machine.travel(NOW, tick=False):
        renewed = {**signed_headers(bound, raw, at=stamp(old)), "Timestamp": stamp(NOW)}
        assert_refused(agent.post(SESSIONS, raw=raw, **renewed))

        free = enrolled("Ed25519", signs="canonical_body", older_hours=0)
        renewed = {**signed_headers(free, raw, signs="canonical_body"), "Timestamp": stamp(NOW)}
        assert agent.post(SESSIONS, raw=raw, **renewed).status_code == 201


# Secrecy, and the page that explains it ----------------------------------------------------


@pytest.mark.requirement("ACP-108")
def test_nothing_of_a_refused_request_is_logged(agent: PlayedAgent, caplog: pytest.LogCaptureFixture) -> None:
    """T94: neither the signature, nor the secret, nor the body."""
    row = Agent.objects.get(name="Demo agent")
    key, secret = signing_keys.add_secret(row)
    caplog.set_level(logging.DEBUG)

    response = agent.post(SESSIONS, BODY, Signature=base64url(b"canary-in-signature-" * 2), Timestamp=stamp())

    assert_refused(response)
    told = caplog.text + response.text
    for hidden in ("ada@example.com", secret, key.sealed_secret, base64url(b"canary-in-signature-")[:20]):
        assert hidden not in told


@pytest.mark.requirement("ACP-110")
def test_a_refused_body_is_forgotten(agent: PlayedAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs after the view finds no code and no token in it."""
    from gateway.acp.views import ACPView

    left: list[bytes] = []
    real = ACPView.finalize_response

    def look(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        left.append(self.request._request.body)
        return real(self, request, *args, **kwargs)

    monkeypatch.setattr(ACPView, "finalize_response", look)
    enrolled("Ed25519")

    assert_refused(agent.post(SESSIONS, BODY, Signature=base64url(bytes(64)), Timestamp=stamp()))

    assert left == [b""]


@pytest.mark.requirement("ACP-105")
def test_the_example_of_the_documentation_works(agent: PlayedAgent) -> None:
    """An agent's author copies it from docs/signatures.md."""
    page = (settings.PROJECT_DIR / "docs" / "signatures.md").read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    for block in page.split("```python\n")[1:]:
        exec(block.partition("```")[0], found)
    row = Agent.objects.get(name="Demo agent")
    private = ed25519.Ed25519PrivateKey.generate()
    signing_keys.add(row, found["public_key_to_give"](private))
    secret = signing_keys.add_secret(row)[1]
    require()

    told = base64url(with_secret("sgs_example")(b'2026-04-17T10:00:00Z.{"line_items":[]}'))
    assert f"\n{told}\n" in page
    for key in (private, secret):
        body = found["canonical"](BODY)
        made = agent.post(SESSIONS, raw=body, **found["signed_headers"](key, body))
        assert made.status_code == 201, made.content
        read = agent.get(f"{SESSIONS}/{made.json()['id']}", **found["signed_headers"](key, b""))
        assert read.status_code == 200
