"""A signing agent and its provider, as the tests play them: a stranger with keys of its own.

    with SignedAgent("shopper") as agent:                  # its issuer is pinned in the settings
        agent.post("/agentic/acp/checkout_sessions", MINIMAL)

Tokens are made by hand here, not by what is tested.
"""

from __future__ import annotations

import json
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, override_settings

from gateway.aauth import signatures

ACP = "/agentic/acp"
VERSION = "2026-04-17"
ISSUER = "https://agents.example"
SHOP = "localhost:8000"
"""The authority of PUBLIC_URL in the tests' settings."""

Headers = Mapping[str, str | None]


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Provider:
    """Vouches for agents: an issuer with one key, whose documents are in the settings or at an address."""

    def __init__(self, issuer: str = ISSUER, kid: str = "provider-1") -> None:
        self.issuer = issuer
        self.kid = kid
        self.key = signatures.new_key()

    @property
    def metadata(self) -> dict[str, Any]:
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks.json", "name": "Example agents"}

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [signatures.public_jwk(self.key, kid=self.kid)]}

    def pinned(self) -> dict[str, Any]:
        """Its entry in AAUTH_ISSUERS: nothing is fetched."""
        return {self.issuer: {"metadata": self.metadata, "keys": self.jwks["keys"]}}

    def token(self, claims: Mapping[str, Any], **header: Any) -> str:
        """`claims` signed as they are. A header of None is left out."""
        told = {"alg": "Ed25519", "typ": "aa-agent+jwt", "kid": self.kid, **header}
        told = {name: value for name, value in told.items() if value is not None}
        first = encoded(json.dumps(told).encode()) + "." + encoded(json.dumps(claims).encode())
        return f"{first}.{encoded(self.key.sign(first.encode()))}"


class SignedAgent:
    """Signs what a well-behaved agent signs; as a context manager its issuer is pinned and AAUTH is on.

    `settings` are further members of AGENTIC_GATEWAY for that while.
    """

    def __init__(
        self,
        name: str = "shopper",
        capabilities: Iterable[str] = ("interaction", "clarification"),
        person_server: str = "",
        *,
        provider: Provider | None = None,
        alg: str = "Ed25519",
        address: str = "198.51.100.7",
        **settings: Any,
    ) -> None:
        self.provider = provider or Provider()
        self.name = name
        self.capabilities = tuple(capabilities)
        self.person_server = person_server
        self.key = signatures.new_key(alg)
        self.address = address
        self.http = Client(raise_request_exception=False)
        self._changed = settings
        self._overrides: list[Any] = []
        self._token = ""

    # Settings ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        override = override_settings(AGENTIC_GATEWAY=self.configured(**self._changed))
        override.enable()
        self._overrides.append(override)
        return self

    def __exit__(self, *_: object) -> None:
        self._overrides.pop().disable()

    def configured(self, **changed: Any) -> dict[str, Any]:
        """The settings in force with AAUTH on and this agent's issuer pinned."""
        before = settings.AGENTIC_GATEWAY
        issuers = {**before.get("AAUTH_ISSUERS", {}), **self.provider.pinned()}
        return {**before, "AAUTH": True, "AAUTH_ISSUERS": issuers, **changed}

    # Who it is --------------------------------------------------------------------------

    @property
    def sub(self) -> str:
        return f"aauth:{self.name}@{urlsplit(self.provider.issuer).hostname}"

    @property
    def owner(self) -> str:
        return f"aauth:{self.provider.issuer}|{self.sub}"

    @property
    def thumbprint(self) -> str:
        return signatures.thumbprint(signatures.public_jwk(self.key))

    def claims(self, **changed: Any) -> dict[str, Any]:
        """The claims of a fresh agent token; one of None is left out."""
        now = int(time.time())
        told = {
            "iss": self.provider.issuer,
            "dwk": "aauth-agent.json",
            "sub": self.sub,
            "jti": uuid.uuid4().hex,
            "cnf": {"jwk": signatures.public_jwk(self.key)},
            "iat": now,
            "exp": now + 3600,
            **({"ps": self.person_server} if self.person_server else {}),
            **changed,
        }
        return {name: value for name, value in told.items() if value is not None}

    @property
    def token(self) -> str:
        """Its agent token, the same until it asks for another (`renew`)."""
        if not self._token:
            self._token = self.provider.token(self.claims())
        return self._token

    @token.setter
    def token(self, token: str) -> None:
        self._token = token

    def renew(self, alg: str = "Ed25519") -> None:
        """A fresh key with a fresh token, as agents get them now and then."""
        self.key, self._token = signatures.new_key(alg), ""

    # What it sends ----------------------------------------------------------------------

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        authority: str = SHOP,
        signature_key: str = "",
        **options: Any,
    ) -> dict[str, str]:
        """All headers of the request, signed. `options` are those of `signatures.sign`."""
        place = urlsplit(path)
        given = dict(headers or {})
        if self.capabilities and "AAuth-Capabilities" not in given:
            given["AAuth-Capabilities"] = ", ".join(self.capabilities)
        if body and "Content-Type" not in given:
            given["Content-Type"] = "application/json"
        message = signatures.Message(
            method=method,
            authority=authority,
            path=place.path,
            query=place.query,
            headers={name.lower(): value for name, value in given.items()},
            body=body,
        )
        if "Idempotency-Key" in given:  # so that two requests of one second differ, and each is signed once
            options = {**options, "also": (*options.get("also", ()), "idempotency-key")}
        by = signature_key or signatures.by_jwt(self.token)
        return given | signatures.sign(message, self.key, signature_key=by, **options)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Headers | None = None,
        *,
        sent: bytes | None = None,
        **options: Any,
    ) -> HttpResponse:
        """A signed request by Django's client. `headers` of None are left out; `sent` goes out in place of
        the body that was signed."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {name: value for name, value in (headers or {}).items() if value is not None}
        signed = self.signed(method, path, content, given, **options)
        return self.raw(method, path, content if sent is None else sent, signed)

    def raw(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> HttpResponse:
        """These bytes with these headers and no others."""
        told = dict(headers)
        kind = told.pop("Content-Type", "application/json" if content else "")
        return self.http.generic(
            method, path, content, content_type=kind, headers=told, REMOTE_ADDR=self.address
        )

    def get(self, path: str, headers: Headers | None = None, **options: Any) -> HttpResponse:
        return self.send("GET", path, None, headers, **options)

    def post(
        self, path: str, body: Any = None, headers: Headers | None = None, **options: Any
    ) -> HttpResponse:
        return self.send("POST", path, body, headers, **options)

    def delete(self, path: str, headers: Headers | None = None, **options: Any) -> HttpResponse:
        return self.send("DELETE", path, None, headers, **options)

    # ACP --------------------------------------------------------------------------------

    def acp(
        self, path: str, body: Any = None, *, key: str | None = "", method: str = "", **headers: Any
    ) -> HttpResponse:
        """A call of ACP below its base: GET without a body, else POST with an Idempotency-Key: "" for a
        fresh one, None for none."""
        given = {"API-Version": VERSION, **{name.replace("_", "-"): told for name, told in headers.items()}}
        how = method or ("GET" if body is None else "POST")
        if how != "GET":
            given["Idempotency-Key"] = uuid.uuid4().hex if key == "" else key
        return self.send(how, ACP + path, body, given)

    # A real server ----------------------------------------------------------------------

    def ask(
        self,
        origin: str,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        *,
        authority: str = "",
        **options: Any,
    ) -> httpx.Response:
        """The same to a server at `origin`; `authority` is that of its PUBLIC_URL, where it is another."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        whom = authority or urlsplit(origin).netloc
        signed = self.signed(method, path, content, headers, authority=whom, **options)
        return httpx.request(method, origin + path, content=content, headers=signed, timeout=30)
