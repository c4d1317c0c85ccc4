"""What counts as a proof by a person's device, and what does not (T31, T47)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from interventions.errors import Unproven
from interventions.ports import DeviceKey, DeviceProvider
from interventions.providers.passkeys import NoName, Passkeys
from tests.interventions.device import ORIGIN, PlayedDevice, b64, raw

CHALLENGE, OTHER = b"c" * 40, b"d" * 40


@pytest.fixture
def passkeys() -> Passkeys:
    return Passkeys(ORIGIN, merchant="Demo Shop")


def made(passkeys: Passkeys, device: PlayedDevice, challenge: bytes = CHALLENGE) -> DeviceKey:
    options = passkeys.to_make(challenge, handle=b"h" * 32, account="a***@example.com")
    return passkeys.made(device.make(options), CHALLENGE)


def used(passkeys: Passkeys, device: PlayedDevice, key: DeviceKey, challenge: bytes = CHALLENGE) -> int:
    return passkeys.used(device.use(passkeys.to_use(challenge)), CHALLENGE, key)


def test_a_device_makes_a_key_and_uses_it(passkeys: Passkeys) -> None:
    device = PlayedDevice()

    key = made(passkeys, device)

    assert isinstance(passkeys, DeviceProvider)
    assert key.credential_id == b64(device.credential_id)
    assert used(passkeys, device, key) == 0


def test_the_device_is_asked_to_verify_its_user_and_to_find_the_key_itself(passkeys: Passkeys) -> None:
    making = passkeys.to_make(CHALLENGE, handle=b"h" * 32, account="a***@example.com")
    using = passkeys.to_use(CHALLENGE)

    assert making["authenticatorSelection"]["userVerification"] == "required"
    assert making["authenticatorSelection"]["residentKey"] == "required"
    assert making["rp"] == {"name": "Demo Shop", "id": "localhost"}
    assert making["attestation"] == "none"
    assert raw(making["challenge"]) == raw(using["challenge"]) == CHALLENGE
    assert using["userVerification"] == "required"
    assert not using.get("allowCredentials"), "who looks at the page learns no key of the buyer"


DISHONEST = {
    "nobody was verified": {"verified": False},
    "another page": {"origin": "https://evil.example"},
    "another host": {"host": "evil.example"},
    "another port": {"origin": "http://localhost:9000"},
}


@pytest.mark.parametrize("members", DISHONEST.values(), ids=DISHONEST)
def test_what_a_dishonest_device_makes_is_no_key(passkeys: Passkeys, members: dict[str, Any]) -> None:
    with pytest.raises(Unproven):
        made(passkeys, PlayedDevice(**members))


@pytest.mark.parametrize("members", DISHONEST.values(), ids=DISHONEST)
def test_what_a_dishonest_device_says_is_no_proof(passkeys: Passkeys, members: dict[str, Any]) -> None:
    device = PlayedDevice()
    key = made(passkeys, device)
    for name, value in members.items():
        setattr(device, name, value)

    with pytest.raises(Unproven):
        used(passkeys, device, key)


def test_an_answer_to_another_challenge_is_none(passkeys: Passkeys) -> None:
    device = PlayedDevice()
    key = made(passkeys, device)

    with pytest.raises(Unproven):
        made(passkeys, PlayedDevice(), OTHER)
    with pytest.raises(Unproven):
        used(passkeys, device, key, OTHER)


def test_an_answer_with_another_key_is_none(passkeys: Passkeys) -> None:
    """The right name, and the signature of somebody else."""
    device = PlayedDevice()
    key = made(passkeys, device)
    forger = PlayedDevice(credential_id=device.credential_id)

    with pytest.raises(Unproven):
        used(passkeys, forger, key)
    with pytest.raises(Unproven):
        used(passkeys, PlayedDevice(key=device.key), key)


@pytest.mark.parametrize("next_count", [7, 6, 0])
def test_a_count_that_does_not_grow_is_a_copy(passkeys: Passkeys, next_count: int) -> None:
    device = PlayedDevice(count=7)
    key = made(passkeys, device)
    device.count = next_count - 1 if next_count else 0

    with pytest.raises(Unproven):
        used(passkeys, device, key)


def test_a_count_that_grows_is_kept(passkeys: Passkeys) -> None:
    device = PlayedDevice(count=7)
    key = made(passkeys, device)

    assert used(passkeys, device, key) == 8


def test_one_ceremony_is_not_the_other(passkeys: Passkeys) -> None:
    device = PlayedDevice()
    key = made(passkeys, device)
    options = passkeys.to_use(CHALLENGE)

    with pytest.raises(Unproven):
        passkeys.made(device.use(options), CHALLENGE)
    with pytest.raises(Unproven):
        passkeys.used(device.make(options), CHALLENGE, key)


def test_a_page_within_a_page_of_others_proves_nothing(passkeys: Passkeys) -> None:
    answer = PlayedDevice(cross_origin=True).use(passkeys.to_use(CHALLENGE))

    with pytest.raises(Unproven):
        passkeys.challenge_in(answer)


@pytest.mark.parametrize("format", ["tpm", "android-safetynet", "fido-u2f", "unheard-of"])
def test_a_makers_statement_nobody_asked_for_is_not_read(passkeys: Passkeys, format: str) -> None:
    with pytest.raises(Unproven):
        made(passkeys, PlayedDevice(format=format))


HOSTILE: list[Any] = [
    {},
    {"response": None},
    {"response": {}},
    {"response": {"clientDataJSON": 7}},
    {"response": {"clientDataJSON": "not base64 !"}},
    {"response": {"clientDataJSON": b64(b"[]")}},
    {"response": {"clientDataJSON": b64(b"{}")}},
    {"response": {"clientDataJSON": b64(json.dumps({"type": 1, "challenge": 2, "origin": 3}).encode())}},
    {"id": 7, "response": {"clientDataJSON": b64(b'{"type":"","challenge":"","origin":""}')}},
    {"id": "a" * 2000, "rawId": "a", "type": "public-key", "response": {"attestationObject": b64(b"\xff")}},
    {"id": "a", "rawId": "\ud800", "type": "public-key", "response": {"attestationObject": "\ud800"}},
]


@pytest.mark.parametrize("answer", HOSTILE)
def test_whatever_comes_is_refused_and_nothing_else_is_raised(passkeys: Passkeys, answer: Any) -> None:
    key = made(passkeys, PlayedDevice())

    for judge in (
        lambda: passkeys.made(answer, CHALLENGE),
        lambda: passkeys.used(answer, CHALLENGE, key),
    ):
        with pytest.raises(Unproven):
            judge()


@pytest.mark.parametrize("answer", HOSTILE[:8])
def test_no_challenge_is_read_from_what_holds_none(passkeys: Passkeys, answer: Any) -> None:
    with pytest.raises(Unproven):
        passkeys.challenge_in(answer)


@pytest.mark.parametrize(
    "origin",
    [
        "http://127.0.0.1:8000",
        "https://192.0.2.7",
        "https://[2001:db8::1]",
        "http://[::1]:8000",
        "http://shop.example",
        "",
    ],
)
def test_where_browsers_offer_none_there_are_none(origin: str) -> None:
    with pytest.raises(NoName):
        Passkeys(origin, merchant="Demo Shop")


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://shop.example", "http://shop.localhost"])
def test_where_browsers_offer_them_there_are_some(origin: str) -> None:
    assert Passkeys(origin, merchant="Demo Shop").to_use(CHALLENGE)["rpId"] in origin
