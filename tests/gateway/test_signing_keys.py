"""The keys that agents sign with: taking over, sealing, retiring, revoking (ACP-105, T07, T09, T94)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from gateway import agents, public_keys, sealed, signing_keys
from gateway.models import Agent, AgentSigningKey

pytestmark = pytest.mark.django_db

SECRET = re.compile(r"sgs_[A-Za-z0-9_-]{43}")
ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def agent() -> Agent:
    return agents.enrol("Botanist")[0]


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def pem(key: Any) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def private_pem(key: Any) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def bare(key: Any) -> bytes:
    """32 bytes, or the point of 65."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.public_key().public_bytes_raw()
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def jwk(key: Any, **more: Any) -> str:
    raw = bare(key)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return json.dumps({"kty": "OKP", "crv": "Ed25519", "x": base64url(raw), **more})
    point = {"x": base64url(raw[1:33]), "y": base64url(raw[33:])}
    return json.dumps({"kty": "EC", "crv": "P-256", **point, **more})


def der(key: Any) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


# Taking over a public key ------------------------------------------------------------------


# The keys are new in every process, so the tests need names that are not.
FORMS = [
    (pem(ED), "Ed25519", ED),
    (f"\n{pem(EC)}\n", "ES256", EC),
    (jwk(ED), "Ed25519", ED),
    (jwk(ED, alg="EdDSA", use="sig", kid="1"), "Ed25519", ED),
    (jwk(EC, alg="ES256"), "ES256", EC),
    (base64url(bare(ED)), "Ed25519", ED),
    (base64.urlsafe_b64encode(bare(EC)).decode(), "ES256", EC),
]


@pytest.mark.requirement("ACP-105")
@pytest.mark.parametrize(("given", "algorithm", "key"), FORMS, ids=range(len(FORMS)))
def test_a_public_key_in_every_form(given: str, algorithm: str, key: Any) -> None:
    found = public_keys.read(given)

    assert found.algorithm == algorithm
    assert public_keys.load(found.text) == key.public_key()
    assert public_keys.fingerprint(found.text) == hashlib.sha256(der(key)).hexdigest()


REFUSED = [
    ("", "is needed"),
    ("x" * 5000, "too long"),
    ("not a key!", "not base64url"),
    (base64url(b"x" * 31), "32 bytes"),
    (base64url(b"\x04" + b"x" * 64), "not on the curve"),
    (base64url(b"\x05" + b"x" * 64), "uncompressed point"),
    (private_pem(ED), "private key"),
    (private_pem(EC), "private key"),
    (jwk(ED, d="AAAA"), "private key"),
    (pem(rsa.generate_private_key(65537, 2048)), "another kind"),
    (pem(ec.generate_private_key(ec.SECP384R1())), "another curve"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no public key"),
    ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
    ("-----BEGIN PUBLIC KEY-----", "cannot be read"),
    ("{", "not valid JSON"),
    (json.dumps({"keys": []}), "set of keys"),
    (jwk(EC, use="enc"), "not for signatures"),
    (jwk(EC, alg="ES384"), '"alg"'),
    (jwk(EC, y=None), '"y" of this JWK'),
    (jwk(ED, x="AAAA"), '"x" of this JWK'),
    (jwk(ED, x="ä" * 43), '"x" of this JWK'),
    (jwk(ED, kty=["OKP"]), "another kind"),
    (json.dumps({"kty": "oct", "k": "AAAA"}), "shared secret"),
    (json.dumps({"kty": "EC", "crv": "P-521"}), "another kind"),
]


@pytest.mark.requirement("ACP-105")
@pytest.mark.parametrize(("given", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_what_is_no_key_for_us_is_told_why(agent: Agent, given: str, says: str) -> None:
    """And nothing of it comes back: people paste private keys."""
    with pytest.raises(public_keys.BadPublicKey) as refused:
        signing_keys.add(agent, given)

    assert says in str(refused.value)
    words = [word for word in re.findall(r"[A-Za-z0-9_-]{12,}", given) if "BEGIN" not in word]
    assert [word for word in words if word in str(refused.value)] == []
    assert not agent.signing_keys.exists()


def test_a_key_is_taken_once_and_never_again_after_its_revocation(agent: Agent) -> None:
    """T09. In another form it is the same key; another agent may have it too."""
    key = signing_keys.add(agent, pem(ED))

    for given in (pem(ED), jwk(ED)):
        with pytest.raises(signing_keys.KeyNotTaken):
            signing_keys.add(agent, given)
    assert signing_keys.revoke(key)
    with pytest.raises(signing_keys.KeyNotTaken):
        signing_keys.add(agent, pem(ED))
    assert signing_keys.add(agents.enrol("Zoologist")[0], pem(ED)).pk != key.pk


def test_an_agent_has_few_keys_at_once(agent: Agent) -> None:
    """Each is tried on a forged signature."""
    made = [signing_keys.add_secret(agent)[0] for _ in range(signing_keys.MOST_LIVE)]

    with pytest.raises(signing_keys.KeyNotTaken):
        signing_keys.add_secret(agent)
    with pytest.raises(signing_keys.KeyNotTaken):
        signing_keys.add(agent, pem(ED))
    signing_keys.revoke(made[0])
    signing_keys.add(agent, pem(ED))
    signing_keys.add_secret(agent, older_hours=0)

    assert sum(signing_keys.is_live(key) for key in agent.signing_keys.all()) == 1


@pytest.mark.parametrize(
    "columns",
    [
        {"algorithm": "HMAC-SHA256", "public_key": "x", "sealed_secret": "y"},
        {"algorithm": "Ed25519", "public_key": "x", "sealed_secret": "y"},
        {"algorithm": "ES256"},
        {"algorithm": "none", "public_key": "x"},
    ],
)
def test_the_database_takes_no_other_form(agent: Agent, columns: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        agent.signing_keys.create(**columns)


# Secrets -----------------------------------------------------------------------------------


def test_a_secret_is_sealed_and_gone_once_revoked(agent: Agent) -> None:
    key, secret = signing_keys.add_secret(agent)

    assert SECRET.fullmatch(secret)
    stored = AgentSigningKey.objects.filter(pk=key.pk).values().get()
    assert secret not in str(stored)
    assert secret not in repr(key)
    assert sealed.unseal(stored["sealed_secret"], signing_keys.PURPOSE).decode() == secret

    assert signing_keys.revoke(key)
    assert not signing_keys.revoke(key)
    assert AgentSigningKey.objects.get(pk=key.pk).sealed_secret == ""


def test_a_secret_outlives_the_rotation_of_the_hash_keys(
    agent: Agent, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    before = settings.AGENTIC_GATEWAY["HASH_KEYS"]
    key, secret = signing_keys.add_secret(agent)
    signature = hmac.new(secret.encode(), b"text", hashlib.sha256).digest()

    def holds(*hash_keys: str) -> bool:
        settings.AGENTIC_GATEWAY = {**settings.AGENTIC_GATEWAY, "HASH_KEYS": list(hash_keys)}
        return signing_keys.fits(AgentSigningKey.objects.get(pk=key.pk), b"text", signature)

    assert holds("n" * 40, *before)
    assert not holds("n" * 40)
    assert "none of the HASH_KEYS" in caplog.text
    assert secret not in caplog.text
    with pytest.raises(CommandError):
        call_command("agentic_signing_key", "seal-again")
    assert holds("n" * 40, *before)
    call_command("agentic_signing_key", "seal-again")
    assert holds("n" * 40)


# Verifying ---------------------------------------------------------------------------------


def sign(kind: str, agent: Agent, text: bytes) -> tuple[AgentSigningKey, bytes]:
    """A new key, and a signature over the text with it."""
    if kind == "HMAC-SHA256":
        key, secret = signing_keys.add_secret(agent)
        return key, hmac.new(secret.encode(), text, hashlib.sha256).digest()
    if kind == "Ed25519":
        return signing_keys.add(agent, pem(ED)), ED.sign(text)
    r, s = utils.decode_dss_signature(EC.sign(text, ec.ECDSA(SHA256())))
    return signing_keys.add(agent, pem(EC)), r.to_bytes(32) + s.to_bytes(32)


@pytest.mark.requirement("ACP-110")
@pytest.mark.parametrize("kind", ["Ed25519", "ES256", "HMAC-SHA256"])
def test_no_single_bit_may_change(agent: Agent, kind: str) -> None:
    """R41. Every bit of the signature and of the text, each alone; and every other length."""
    text = b'2026-05-04T12:00:00Z.{"a":1}'
    key, signature = sign(kind, agent, text)

    def flipped(raw: bytes) -> list[bytes]:
        number = int.from_bytes(raw)
        return [(number ^ 1 << bit).to_bytes(len(raw)) for bit in range(8 * len(raw))]

    assert signing_keys.fits(key, text, signature)
    assert not any(signing_keys.fits(key, text, other) for other in flipped(signature))
    assert not any(signing_keys.fits(key, other, signature) for other in flipped(text))
    for length in range(100):
        other = (signature * 2)[:length]
        assert signing_keys.fits(key, text, other) == (length == len(signature))
    for degenerate in (bytes(64), b"\xff" * 64, bytes(32)):
        assert not signing_keys.fits(key, text, degenerate)


def test_secrets_are_compared_in_constant_time(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """T07."""
    key, signature = sign("HMAC-SHA256", agent, b"text")
    compared: list[tuple[bytes, bytes]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return False

    monkeypatch.setattr(signing_keys.hmac, "compare_digest", compare)

    assert not signing_keys.fits(key, b"text", signature)
    assert compared == [(signature, signature)]


# The command -------------------------------------------------------------------------------


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("agentic_signing_key", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.requirement("ACP-105")
def test_the_command_takes_over_a_key_and_lists_it(agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(pem(EC))

    told("add", "Botanist", "--file", str(file), "--signs", "raw", "--label", "fleet")

    key = agent.signing_keys.get()
    assert (key.algorithm, key.signs, key.label) == ("ES256", "raw", "fleet")
    listed = told("list", "Botanist")
    for word in (str(key.pk), "ES256", "raw", "works", hashlib.sha256(der(EC)).hexdigest(), "fleet"):
        assert word in listed.split()


def test_the_command_reads_a_key_from_its_input(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(jwk(ED)))

    told("add", "Botanist")

    assert agent.signing_keys.get().algorithm == "Ed25519"


def test_the_command_shows_a_secret_once(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    secret = told("add-secret", "Botanist", "--older-hours", "2").splitlines()[-1]

    assert SECRET.fullmatch(secret)
    assert secret not in told("list", "Botanist")
    assert secret not in caplog.text
    key = agent.signing_keys.get()
    signature = hmac.new(secret.encode(), b"text", hashlib.sha256).digest()
    assert signing_keys.fits(key, b"text", signature)


def test_the_command_revokes_one_key_of_this_agent(agent: Agent) -> None:
    """T09."""
    kept, gone = signing_keys.add(agent, pem(ED)), signing_keys.add(agent, pem(EC))
    foreign = signing_keys.add(agents.enrol("Zoologist")[0], pem(ED))

    assert "is revoked" in told("revoke", "Botanist", str(gone.pk))
    assert "was revoked before" in told("revoke", "Botanist", str(gone.pk))
    with pytest.raises(CommandError):
        told("revoke", "Botanist", str(foreign.pk))

    live = [key.pk for key in AgentSigningKey.objects.all() if signing_keys.is_live(key)]
    assert sorted(live) == sorted([kept.pk, foreign.pk])


@pytest.mark.requirement("ACP-108")
def test_the_command_sets_the_policy(agent: Agent) -> None:
    for verb, policy in (("require", "required"), ("relax", "when_present")):
        told(verb, "Botanist")
        agent.refresh_from_db()
        assert agent.signature_policy == policy


def test_the_command_says_what_is_wrong_and_repeats_nothing(agent: Agent, tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(private_pem(ED))
    binary = tmp_path / "key.der"
    binary.write_bytes(b"\xff\xfe")

    for arguments, says in (
        (("add", "Botanist", "--file", str(file)), "private key"),
        (("add", "Botanist", "--file", str(binary)), "cannot be read"),
        (("add", "Botanist", "--file", str(tmp_path / "none")), "cannot be read"),
        (("list", "Nobody"), "no agent"),
        (("revoke", "Botanist", "999999"), "no signing key"),
    ):
        with pytest.raises(CommandError, match=says) as refused:
            told(*arguments)
        assert private_pem(ED).splitlines()[1] not in str(refused.value)
