"""Where we never connect to, whoever names it (reliability-security T23, T24).

A deny list of our own: Python's `is_global` says True for NAT64, 6to4 and some multicast.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable, Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

DENIED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier-grade NAT; a cloud's metadata at 100.100.100.200
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's wire server, inside public space
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; a cloud's metadata at 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
        # Of IPv6 only 2000::/3 is given out for hosts of the internet.
        "::/3",  # unspecified, loopback, IPv4-compatible, IPv4-mapped, NAT64 64:ff9b::/96, 100::/64
        "2001::/23",  # Teredo and other special purposes
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "4000::/2",  # not given out
        "8000::/1",  # unique local fc00::/7, link-local fe80::/10, site-local, multicast ff00::/8
    )
)


def public(address: Address) -> bool:
    """It is a host of the internet, as far as a number can say."""
    return not any(address in network for network in DENIED if network.version == address.version)


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address the machine's resolver knows for the name. Raises OSError when there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolve_within(seconds: float, resolver: Resolver, host: str, port: int) -> list[Address]:
    """The name's addresses. Raises OSError when there is none, or none in time.

    A resolver has no deadline of its own; a slow one is left behind in its thread.
    """
    answers: queue.SimpleQueue[Sequence[str] | OSError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except OSError as problem:
            answers.put(problem)
        except UnicodeError:
            answers.put(OSError("not a name"))

    threading.Thread(target=ask, name="agentic-resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.0))
    except queue.Empty:
        raise OSError("the resolver is too slow") from None
    if isinstance(answer, OSError):
        raise answer
    if not answer:
        raise OSError("no address")
    return [ipaddress.ip_address(text.partition("%")[0]) for text in answer]
