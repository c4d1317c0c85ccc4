"""The load generator: a process of its own, one thread, kept connections, bare sockets.

Reads one job as a line of JSON from stdin, connects (the same number of connections to each
worker), warms up, prints a line, waits for another line, sends for the given time and prints
what it saw as a line of JSON. Fails on the first answer that is not the expected one.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

PROCESS = "/healthz"
"""Answers with the process id of the worker that has the connection."""


class Connection:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> tuple[int, bytes] | None:
        """Status and body when what has arrived completes the answer."""
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found or len(body) < length_of(head):
            return None
        self.received = b""
        return int(head[9:12]), body

    def ask(self, request: bytes) -> tuple[int, bytes]:
        self.send(request)
        while (answer := self.answer()) is None:
            pass
        return answer


_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)


def length_of(head: bytes) -> int:
    """The length of the body. Raises ValueError when the head does not say it."""
    found = _LENGTH.search(head)
    if found is None:
        raise ValueError(f"an answer without Content-Length: {head[:200]!r}")
    return int(found[1])


def requests(job: dict[str, Any]) -> Iterator[bytes]:
    """The requests to send: over the sessions in a circle, or each session once."""
    body = job["body"].encode()
    lines = [f"Host: {job['host']}:{job['port']}"]
    lines += [f"{name}: {value}" for name, value in job["headers"].items()]
    if job["method"] == "POST":
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines)
    run, number = uuid.uuid4().hex[:16], 0
    while True:
        for session in job["sessions"]:
            key = f"\r\nIdempotency-Key: {run}-{number:010}" if job["method"] == "POST" else ""
            number += 1
            path = job["path"].replace("{session}", session)
            yield f"{job['method']} {path} HTTP/1.1\r\n{head}{key}\r\n\r\n".encode() + body
        if job["once"]:
            return


def connect(job: dict[str, Any]) -> list[Connection]:
    """Connections spread evenly over the workers, which take them by chance."""
    address = (job["host"], job["port"])
    ask = f"GET {PROCESS} HTTP/1.1\r\nHost: {job['host']}:{job['port']}\r\n\r\n".encode()
    share = job["connections"] // job["workers"]
    kept: list[Connection] = []
    taken: Counter[int] = Counter()
    for _ in range(100 * job["connections"]):
        connection = Connection(address)
        process = json.loads(connection.ask(ask)[1])["process"]
        if taken[process] < share:
            taken[process] += 1
            kept.append(connection)
        else:
            connection.socket.close()
        if len(kept) == share * job["workers"]:
            return kept
    raise ConnectionError(f"the connections cannot be spread over {job['workers']} workers: {dict(taken)}")


def run(
    connections: list[Connection], stream: Iterator[bytes], *, seconds: float, expected: int
) -> tuple[list[float], float]:
    """How long each answer took, and how long all of it did."""
    ready = select.epoll()
    by_number = {connection.socket.fileno(): connection for connection in connections}
    took: list[float] = []
    began = time.perf_counter()
    until = began + seconds
    waiting = 0
    for number, connection in by_number.items():
        if (request := next(stream, None)) is not None:
            ready.register(number, select.EPOLLIN)
            connection.send(request)
            waiting += 1
    while waiting:
        events = ready.poll(10)
        if not events:
            raise TimeoutError("no answer for ten seconds")
        for number, _ in events:
            connection = by_number[number]
            answer = connection.answer()
            if answer is None:
                continue
            now = time.perf_counter()
            took.append(now - connection.sent_at)
            if answer[0] != expected:
                raise ValueError(f"status {answer[0]} instead of {expected}: {answer[1][:300]!r}")
            request = next(stream, None) if now < until else None
            if request is None:
                waiting -= 1
            else:
                connection.send(request)
    ready.close()
    return took, time.perf_counter() - began


def main() -> None:
    job = json.loads(sys.stdin.readline())
    connections = connect(job)
    stream = requests(job)
    run(connections, stream, seconds=job["warm_up_seconds"], expected=job["expected"])
    print("ready", flush=True)
    sys.stdin.readline()
    before = time.process_time()
    took, seconds = run(connections, stream, seconds=job["seconds"], expected=job["expected"])
    spent = time.process_time() - before
    took.sort()
    seen = {
        "requests": len(took),
        "seconds": seconds,
        "own_cpu_seconds": spent,
        "p50_ms": took[len(took) // 2] * 1000,
        "p99_ms": took[len(took) * 99 // 100] * 1000,
    }
    print(json.dumps(seen), flush=True)


if __name__ == "__main__":
    main()
