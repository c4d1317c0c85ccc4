"""Web addresses that somebody else wrote, read once and strictly.

Two programs that read one address differently are how a check is passed for one server and the
connection made to another. So only the plain form is an address here: no account, no fragment,
no backslash, no space, nothing outside ASCII, no number that is secretly an IP address.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

LONGEST = 2048
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_FORM = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<target>(?:/[a-z0-9._~!$&'()*+,;=:@%/-]*)?(?:\?[a-z0-9._~!$&'()*+,;=:@%/?\[\]|-]*)?)",
    re.IGNORECASE | re.ASCII,
)
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_ESCAPE = re.compile(r"%(?![0-9a-f]{2})", re.IGNORECASE | re.ASCII)
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class WebLink:
    """An http or https address in parts. `host` is in lower case; an IPv6 one without brackets."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query as written; at least a slash."""

    @property
    def authority(self) -> str:
        """Host and port, the port always written: what an allow list names."""
        return f"{self._bracketed}:{self.port}"

    @property
    def netloc(self) -> str:
        """Host, and the port where it is not the scheme's own: what a `Host` header says."""
        return self._bracketed if self.port == _DEFAULT_PORTS[self.scheme] else self.authority

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers write an origin."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def parse(url: str) -> WebLink:
    """The address in parts. Raises ValueError, without the address, for any other form."""
    found = _FORM.fullmatch(url) if len(url) <= LONGEST else None
    if found is None or _ESCAPE.search(found["target"]):
        raise ValueError("not a plain http or https address")
    scheme, target = found["scheme"].lower(), found["target"]
    port = int(found["port"] or _DEFAULT_PORTS[scheme])
    if port > 65535:
        raise ValueError("not a port")
    return WebLink(
        scheme, _host(found["host"].lower()), port, target if target.startswith("/") else "/" + target
    )


def leads_to(url: object, origins: Collection[str], *, loopback_http: bool) -> bool:
    """The address is plain, https and of one of these origins; http only where `loopback_http` says
    so, and then on this machine alone. For whatever else it may be: False."""
    try:
        link = parse(url) if isinstance(url, str) else None
    except ValueError:
        return False
    if link is None or link.origin not in origins:
        return False
    return link.scheme == "https" or (loopback_http and link.host in LOOPBACK)


def is_origin(text: object, *, loopback_http: bool) -> bool:
    """The text is an origin that can be trusted, written exactly as browsers write it."""
    return isinstance(text, str) and leads_to(text, (text,), loopback_http=loopback_http)


def _host(host: str) -> str:
    if host.startswith("["):
        return str(IPv6Address(host[1:-1]))
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        # 2130706433, 0x7f.1 and 127.1 are addresses to some resolvers and names to others.
        return str(IPv4Address(host))
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("not a host name")
    return host
