"""From which network address a request came, as far as our own proxies vouch for it (T82)."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from django.http import HttpRequest

from gateway.conf import conf

HOME_BITS = 64
"""An IPv6 connection is given a whole network of addresses: they count as one."""


def of(request: HttpRequest) -> str:
    """The client's address in one spelling; "" when there is none to know.

    Without `PROXIES` it is whoever connected to us. With N of them it is what the N-th proxy from
    here wrote into X-Forwarded-For: the N-th entry from the right, which no client can write. A
    request that has fewer entries did not come through them all, and counts for who connected.
    """
    connected = request.META.get("REMOTE_ADDR", "")
    if not conf().PROXIES:
        return _spelled(connected)
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    named = entries[-conf().PROXIES] if len(entries) >= conf().PROXIES else ""
    return _spelled(named) or _spelled(connected)


def _spelled(text: str) -> str:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((int(address), HOME_BITS), strict=False))
