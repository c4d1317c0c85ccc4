"""Signatures, seen from the receiver's side by the lines our guide gives to receivers (R41)."""

from __future__ import annotations

import hmac
import random
import time

import pytest

from gateway import merchant_signature as signing
from tests.webhooks.receiver import is_genuine

SECRET = "whs_" + "s" * 43
AT = 1_800_000_000
BODY = b'{"type":"order_create","data":{"type":"order","id":"ord_1","name":"\xc3\xa4"}}'
HEADER = signing.header(SECRET.encode(), BODY, AT)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


@pytest.mark.requirement("ACP-116", "ACP-117", "R41")
def test_the_form_and_the_value() -> None:
    """The value was computed by `openssl dgst -sha256 -hmac`."""
    assert signing.header(b"key", b'{"a":1}', 1700000000) == (
        "t=1700000000,v1=" + "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03"
    )
    assert is_genuine(SECRET, HEADER, BODY, AT)


@pytest.mark.requirement("R41")
def test_no_flipped_bit_is_accepted() -> None:
    """Every bit of the header, and 4,000 of bodies: each alone. One that only changes the case of a
    hex digit is refused too."""
    for bit in range(8 * len(HEADER)):
        header = flipped(HEADER.encode(), bit).decode("latin-1")
        assert not is_genuine(SECRET, header, BODY, AT), header
    long = BODY * 40
    header = signing.header(SECRET.encode(), long, AT)
    chosen = random.Random(41).sample(range(8 * len(long)), 4_000)
    assert not any(is_genuine(SECRET, header, flipped(long, bit), AT) for bit in chosen)
    assert is_genuine(SECRET, header, long, AT)


@pytest.mark.requirement("R41", "ACP-118")
@pytest.mark.parametrize(
    ("seconds", "genuine"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_the_window_has_two_sides(seconds: int, genuine: bool) -> None:
    assert is_genuine(SECRET, HEADER, BODY, AT + seconds) is genuine


@pytest.mark.requirement("R41")
@pytest.mark.parametrize(
    "header",
    [
        "",
        HEADER + "," + HEADER.partition(",")[2],
        HEADER + ", " + HEADER,
        HEADER + "\n",
        " " + HEADER,
        HEADER.replace("v1", "v0"),
        HEADER.replace(",", ";"),
        HEADER.partition(",")[0],
        HEADER.partition(",")[2],
        HEADER[:-1],
        HEADER.replace("t=", "t=-"),
        HEADER.replace("t=", "t=0"),
        "t=" + "9" * 4000 + ",v1=" + "0" * 64,
        "t=\u0661,v1=" + "0" * 64,
    ],
)
def test_other_forms_are_not_genuine(header: str) -> None:
    assert not is_genuine(SECRET, header, BODY, AT)


@pytest.mark.requirement("R41")
def test_another_secret_another_time_another_body() -> None:
    assert not is_genuine(SECRET + "x", HEADER, BODY, AT)
    assert not is_genuine(SECRET, HEADER.replace(str(AT), str(AT + 1)), BODY, AT)
    assert not is_genuine(SECRET, HEADER, BODY + b" ", AT)


@pytest.mark.requirement("R41")
def test_verifying_is_quick() -> None:
    """For the largest event that comes: not much more than hashing it."""
    body = b"x" * 100_000
    header = signing.header(SECRET.encode(), body, AT)

    began = time.process_time()
    for _ in range(100):
        hmac.digest(SECRET.encode(), body, "sha256")
    hashed = time.process_time()
    for _ in range(100):
        assert is_genuine(SECRET, header, body, AT)

    assert time.process_time() - hashed < 10 * (hashed - began)
