"""The outbound client connects to public https and to nothing else (T23 to T26, T60, R34)."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpcore
import pytest
from django.db import transaction
from django.test import override_settings

from gateway import reachable
from gateway.conf import conf
from gateway.egress import PORTS, Egress, egress
from interventions.http import Http, NoReply
from tests.hostile.certificates import authority, certificate
from tests.hostile.destinations import NAMES, URLS
from tests.hostile.listeners import Listener, answer, listening, saying

PUBLIC = "93.184.216.34"


def resolver(host: str, port: int) -> Sequence[str]:
    """Knows the names of the corpus and what is written as a number; asks nobody."""
    if host in NAMES:
        return NAMES[host]
    if host == "public.test":
        return [PUBLIC]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(entry[4][0]) for entry in found]


class Sockets(httpcore.NetworkBackend):
    """Notes where a connection is asked for, and makes it on this machine only."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._real = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.asked.append(host)
        if host not in ("127.0.0.1", "::1"):
            raise httpcore.ConnectError
        return self._real.connect_tcp(host, port, timeout)


def client(seen: Listener, sockets: Sockets | None = None, name: str = "127.0.0.1", **more: Any) -> Egress:
    """May ask the listener, by http."""
    here = frozenset({f"{name}:{seen.port}"})
    return Egress(loopback=here, resolver=resolver, sockets=sockets or Sockets(), **more)


# Where it leads ------------------------------------------------------------------------------


def test_the_corpus_is_as_large_as_asked() -> None:
    """T23, R34."""
    assert len(set(URLS)) >= 120


@pytest.mark.parametrize("form", URLS)
def test_no_connection_is_made(form: str) -> None:
    """T23, R34: 0 connections; the refusal says nothing about what is there."""
    sockets = Sockets()
    with listening(saying(answer())) as canary:
        strict = Egress(ports=PORTS | {canary.port}, resolver=resolver, sockets=sockets)
        url = form.replace("{p}", str(canary.port))

        with pytest.raises(NoReply) as refused:
            strict.request("GET", url)

        assert not strict.permits(url)
    assert sockets.asked == []
    assert canary.connections == 0
    assert str(refused.value) == "The address gave no usable answer."
    assert refused.value.__context__ is None
    assert refused.value.__cause__ is None


def test_the_canary_would_have_noticed() -> None:
    """R34. The negative control of the test above: same listener, and this time it may be asked."""
    with listening(saying(answer(b'{"a":1}'))) as canary:
        reply = client(canary).request("GET", f"http://127.0.0.1:{canary.port}/x")

    assert (reply.status, reply.body) == (200, b'{"a":1}')
    assert canary.connections == 1


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1::1", "2a00:1450::1"])
def test_hosts_of_the_internet_are_connected_to(address: str) -> None:
    """T23. A deny list that denies everything would pass every other test."""
    sockets = Sockets()
    outside = Egress(resolver=lambda host, port: [address], sockets=sockets)

    with pytest.raises(NoReply):
        outside.request("GET", "https://public.test/")

    assert sockets.asked == [address]
    assert outside.permits("https://public.test/")


def test_a_name_that_changes_its_mind_is_asked_once_and_connected_where_it_was_judged() -> None:
    """T24."""
    answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    asked: list[str] = []
    sockets = Sockets()

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    with listening(saying(answer())) as canary:
        outside = Egress(ports=PORTS | {canary.port}, resolver=rebinding, sockets=sockets)
        with pytest.raises(NoReply):
            outside.request("GET", f"https://rebinding.test:{canary.port}/")

    assert asked == ["rebinding.test"]
    assert sockets.asked == [PUBLIC]
    assert canary.connections == 0


def test_a_name_allowed_on_this_machine_may_not_lead_elsewhere() -> None:
    """T24. The exception for the demo is for this machine, not for its network."""
    sockets = Sockets()
    demo = Egress(
        loopback=frozenset({"localhost:8000"}), resolver=lambda *_: ["192.168.1.1"], sockets=sockets
    )

    with pytest.raises(NoReply):
        demo.request("GET", "http://localhost:8000/")

    assert sockets.asked == []


@pytest.mark.parametrize(
    "status", [b"301 Moved", b"302 Found", b"303 See Other", b"307 Temporary", b"308 Perm"]
)
def test_a_redirect_is_an_answer_and_is_not_followed(status: bytes) -> None:
    """T25."""
    with listening(saying(answer())) as inside:
        there = b"Location: http://127.0.0.1:%d/" % inside.port
        with listening(saying(answer(b"", status, there))) as seen:
            both = frozenset({f"127.0.0.1:{seen.port}", f"127.0.0.1:{inside.port}"})

            reply = Egress(loopback=both, resolver=resolver).request("GET", f"http://127.0.0.1:{seen.port}/")

    assert reply.status == int(status[:3])
    assert seen.connections == 1
    assert inside.connections == 0


# What may come back --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [256 * 1024, 256 * 1024 + 1])
@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_is_read_to_its_limit_and_no_further(size: int, announced: bool) -> None:
    """T60, T26."""
    whole = (
        answer(b"x" * size) if announced else b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b"x" * size
    )
    with listening(saying(whole)) as seen:
        ask = client(seen).request

        if size > 256 * 1024:
            with pytest.raises(NoReply):
                ask("GET", f"http://127.0.0.1:{seen.port}/")
        else:
            assert len(ask("GET", f"http://127.0.0.1:{seen.port}/").body) == size


def test_a_caller_may_ask_for_less() -> None:
    """T26."""
    with listening(saying(answer(b"x" * 1001))) as seen, pytest.raises(NoReply):
        client(seen).request("GET", f"http://127.0.0.1:{seen.port}/", most_bytes=1000)


def test_nothing_is_unpacked() -> None:
    """T60. A few packed bytes may be gigabytes; we said that we take none."""
    with (
        listening(saying(answer(b"x", b"200 OK", b"Content-Encoding: gzip"))) as seen,
        pytest.raises(NoReply),
    ):
        client(seen).request("GET", f"http://127.0.0.1:{seen.port}/")

    assert b"accept-encoding: identity" in seen.heard[0].lower()


DRIPS = {
    "head": (b"", b"H"),
    "headers": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "silence": (b"", b""),
}


@pytest.mark.parametrize("where", DRIPS)
def test_a_slow_drip_ends_at_the_deadline(where: str) -> None:
    """T26. Each piece is in time; all of them together are not."""
    first, drop = DRIPS[where]
    gone = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(first)
        while not gone.wait(0.02):
            connection.sendall(drop)

    with listening(drip) as seen:
        began = time.monotonic()
        with pytest.raises(NoReply):
            client(seen).request("GET", f"http://127.0.0.1:{seen.port}/", timeout_seconds=0.4)
        lasted = time.monotonic() - began
        gone.set()

    # Without a deadline it would go on for 100,000 drops; the bound is generous for a busy machine.
    assert 0.35 < lasted < 8


def test_a_slow_resolver_is_not_waited_for() -> None:
    """T26."""
    done = threading.Event()
    slow = Egress(resolver=lambda *_: ["127.0.0.1"] if done.wait(30) else [])

    began = time.monotonic()
    with pytest.raises(NoReply):
        slow.request("GET", "https://public.test/", timeout_seconds=0.2)
    lasted = time.monotonic() - began
    done.set()

    assert lasted < 8


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTX/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"\x00" * 99,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_garbage_is_no_answer(garbage: bytes) -> None:
    """T60."""
    with listening(saying(garbage)) as seen, pytest.raises(NoReply):
        client(seen).request("GET", f"http://127.0.0.1:{seen.port}/")


# What is sent --------------------------------------------------------------------------------


def test_a_request_carries_what_it_was_given_and_nothing_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """4.8: `trust_env=False`, no cookies."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with listening(saying(answer(b"", b"200 OK", b"Set-Cookie: a=1"))) as seen:
        ask, url = client(seen), f"http://127.0.0.1:{seen.port}/hook?a=%2F"
        ask.request("POST", url, json={"a": "é"}, headers={"X-One": "1"})
        ask.request("POST", url, form={"a": "b c", "d": "&"})
        ask.request("GET", url)

    first, second, third = seen.heard
    assert first.startswith(b"POST /hook?a=%2F HTTP/1.1\r\n")
    assert b"x-one: 1\r\n" in first.lower()
    assert f"host: 127.0.0.1:{seen.port}\r\n".encode() in first.lower()
    assert first.endswith(b'\r\n\r\n{"a":"\\u00e9"}')
    assert second.endswith(b"\r\n\r\na=b+c&d=%26")
    assert b"content-type: application/x-www-form-urlencoded" in second.lower()
    assert b"cookie" not in third.lower()
    assert b"content-length" not in third.lower()


@pytest.mark.parametrize("name", ["Host", "Content-Length", "transfer-encoding", "Connection"])
def test_a_caller_cannot_speak_for_another_host(name: str) -> None:
    with listening(saying(answer())) as seen, pytest.raises(ValueError, match="only the client"):
        client(seen).request("GET", f"http://127.0.0.1:{seen.port}/", headers={name: "x"})

    assert seen.connections == 0


def test_a_header_with_a_line_break_is_not_sent() -> None:
    with listening(saying(answer())) as seen, pytest.raises(NoReply):
        client(seen).request("GET", f"http://127.0.0.1:{seen.port}/", headers={"X": "a\r\nY: b"})

    assert all(b"Y: b" not in heard for heard in seen.heard)


def test_tls_and_the_host_header_speak_of_the_name(tmp_path: Path) -> None:
    """T24. The connection goes to a number; the certificate is judged for the name."""
    trust = authority()
    named: list[str | None] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate(trust, "shop.test", tmp_path))
    server.sni_callback = lambda _, name, __: named.append(name)
    trusting = ssl.create_default_context(cadata=trust.pem)
    with listening(saying(answer()), tls=server) as seen:
        here = replace(client(seen, name="shop.test", tls=trusting), resolver=lambda *_: ["127.0.0.1"])

        assert here.request("GET", f"https://shop.test:{seen.port}/").status == 200

    assert named == ["shop.test"]
    assert f"host: shop.test:{seen.port}\r\n".encode() in seen.heard[0].lower()


@pytest.mark.parametrize("trusted", [True, False])
def test_another_names_or_an_unknown_certificate_is_refused(tmp_path: Path, trusted: bool) -> None:
    """T24."""
    trust = authority()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate(trust, "other.test" if trusted else "shop.test", tmp_path))
    tls = ssl.create_default_context(cadata=trust.pem) if trusted else None
    with listening(saying(answer()), tls=server) as seen:
        here = replace(client(seen, name="shop.test", tls=tls), resolver=lambda *_: ["127.0.0.1"])

        with pytest.raises(NoReply):
            here.request("GET", f"https://shop.test:{seen.port}/", headers={"Authorization": "Bearer secret"})

    assert seen.connections == 1
    assert seen.heard == []


def test_the_next_address_is_tried_when_nobody_answers_at_the_first() -> None:
    with listening(saying(answer())) as seen:
        sockets = Sockets()
        here = replace(client(seen, sockets, name="two.test"), resolver=lambda *_: ["127.0.0.9", "127.0.0.1"])

        assert here.request("GET", f"http://two.test:{seen.port}/").status == 200

    assert sockets.asked == ["127.0.0.9", "127.0.0.1"]


# When it may be used -------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_nobody_is_asked_with_a_transaction_open() -> None:
    """Architecture, the money rule: a slow stranger must hold no lock of ours."""
    with listening(saying(answer())) as seen:
        ask, url = client(seen), f"http://127.0.0.1:{seen.port}/"
        with transaction.atomic(), pytest.raises(RuntimeError, match="transaction"):
            ask.request("GET", url)
        assert seen.connections == 0

        assert ask.request("GET", url).status == 200


def test_it_is_the_port_of_the_domain() -> None:
    assert isinstance(egress(), Http)


@pytest.mark.parametrize(("demo", "reachable"), [(True, {"localhost:8123"}), (False, set())])
def test_servers_on_this_machine_are_for_the_demo(demo: bool, reachable: set[str]) -> None:
    """Decision 4: loopback http under demo settings only, whatever else is configured."""
    given = {"DEMO": demo, "EGRESS_LOOPBACK": ["localhost:8123"], "HASH_KEYS": list(conf().HASH_KEYS)}
    with override_settings(AGENTIC_GATEWAY=given):
        assert egress().loopback == reachable


def test_what_is_public_is_a_matter_of_the_list() -> None:
    """T23. Every first and last address of every denied network is denied, its neighbours not always."""
    for network in reachable.DENIED:
        assert not reachable.public(network[0])
        assert not reachable.public(network[-1])
    assert reachable.public(reachable.ipaddress.ip_address("192.0.1.0"))
