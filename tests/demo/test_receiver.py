"""The demo agent's receiver believes nothing that is not signed (ACP-116, ACP-118)."""

from __future__ import annotations

import time

import httpx
import pytest

from gateway import merchant_signature as signing
from gateway.demo.receiver import NoReceiver, is_genuine, receiving
from tests.tcp_ports import free_port

BODY = b'{"type":"order_create","data":{"type":"order","id":"ord_1"}}'
SECRET = "whs_secret"


@pytest.mark.requirement("ACP-116", "ACP-118")
def test_only_what_is_signed_now_is_heard() -> None:
    now = int(time.time())
    good = signing.header(SECRET.encode(), BODY, now)
    with receiving(free_port()) as receiver, httpx.Client(trust_env=False) as client:
        receiver.secret = SECRET

        def told(*signatures: str, body: bytes = BODY, url: str = receiver.url) -> int:
            headers = [("Merchant-Signature", signature) for signature in signatures]
            return client.post(url, content=body, headers=[*headers, ("Request-Id", "evt_1_1")]).status_code

        for seconds in (-600, 600):  # the clock of the receiver goes on meanwhile; its edges are below
            assert told(signing.header(SECRET.encode(), BODY, now + seconds)) == 401
        assert told(signing.header(b"another", BODY, now)) == 401
        assert told() == told(good, good) == told("nonsense") == 401
        assert told(good, body=BODY + b" ") == 401
        assert told(good, url=receiver.url.replace("/agentic", "/other")) == 401
        assert told(signing.header(SECRET.encode(), b"{", now), body=b"{") == 400
        assert receiver.event("ord_1", seconds=0.1) is None

        assert told(good) == 200

        event = receiver.event("ord_1")
        assert event is not None
        assert (event.id, event.body["type"]) == ("evt_1_1", "order_create")
        assert SECRET not in repr(receiver)


@pytest.mark.parametrize(("seconds", "heard"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_the_window_has_two_sides(seconds: int, heard: bool) -> None:
    now = 1_800_000_000
    signed = signing.header(SECRET.encode(), BODY, now + seconds)

    assert is_genuine(SECRET, signed, BODY, now) is heard


def test_a_port_that_is_taken_is_named() -> None:
    port = free_port()

    with receiving(port), pytest.raises(NoReceiver, match=f"Port {port} is taken"), receiving(port):
        pass
