"""Who the agent is: a key of its own, and a token in which its provider says whose key that is (AA-411)."""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from gateway.aauth import signatures

TOKEN_SECONDS = 60 * 60
EARLY_SECONDS = 120
"""A token is renewed so long before it ends."""
TYPE = "aa-agent+jwt"
DOCUMENT = "aauth-agent.json"

Key = Any
"""A private key as `gateway.aauth.signatures` signs with."""


class BadIdentity(ValueError):
    """Nobody can sign with that. The text says why and holds no key."""


class Signer(Protocol):
    """Who signs requests."""

    key: Key
    person_server: str
    """Who speaks for the agent's person, as its own token says; "" for nobody."""

    def renew(self) -> None:
        """Somebody did not take what we signed with: the next time it is fresh."""
        ...

    @property
    def signature_key(self) -> str:
        """The value of the `Signature-Key` member with which a request of ours is signed (AA-405)."""
        ...


class Identity:
    """A key, and where its token comes from. May be used by several threads.

    `token` is asked for when the last one is about to end, with the public key as a JWK; it answers the
    token and when it ends, in seconds since 1970.
    """

    def __init__(
        self,
        token: Callable[[Mapping[str, Any]], tuple[str, float]],
        *,
        key: Key | None = None,
        person_server: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self.person_server = person_server
        self.key: Key = signatures.new_key() if key is None else key
        self._source = token
        self._now = now
        self._token, self._ends_at = "", 0.0
        self._lock = threading.Lock()

    def token(self) -> str:
        """A token that is good for some minutes at least."""
        with self._lock:
            if self._now() > self._ends_at - EARLY_SECONDS:
                self._token, self._ends_at = self._source(signatures.public_jwk(self.key))
            return self._token

    def renew(self) -> None:
        """The next token is a fresh one, because somebody did not take this one."""
        with self._lock:
            self._ends_at = 0.0

    @property
    def signature_key(self) -> str:
        return signatures.by_jwt(self.token())


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """An agent that is a server itself and signs as one, without a token: what older texts had. Its
    documents, at `name`, lead to its public keys."""

    name: str
    kid: str
    key: Key = field(repr=False)
    person_server: str = ""

    def renew(self) -> None:
        """There is nothing that ends."""

    @property
    def signature_key(self) -> str:
        return signatures.by_jwks_uri(self.name, DOCUMENT, self.kid)


@dataclass(frozen=True, slots=True)
class Provider:
    """An agent provider of one's own, whose public key a resource has been told: `issuer` vouches for
    `subject`, as `aauth:name@host`."""

    issuer: str
    subject: str
    jwk: Mapping[str, Any] = field(repr=False)
    """Its private key, an Ed25519 JWK with a `kid`."""
    person_server: str = ""

    def identity(self, *, key: Key | None = None, now: Callable[[], float] = time.time) -> Identity:
        """An identity that this provider vouches for. Raises BadIdentity."""
        try:
            signing = OKPKey.import_key(dict(self.jwk))
            kid = str(self.jwk["kid"])
        except (JoseError, ValueError, KeyError, TypeError):
            raise BadIdentity("the provider's key is no private Ed25519 JWK with a kid") from None
        if not signing.is_private:
            raise BadIdentity("the provider's key is not a private one")

        def token(public: Mapping[str, Any]) -> tuple[str, float]:
            issued_at = int(now())
            claims: dict[str, Any] = {
                "iss": self.issuer,
                "dwk": DOCUMENT,
                "sub": self.subject,
                "jti": secrets.token_urlsafe(16),
                "cnf": {"jwk": dict(public)},
                "iat": issued_at,
                "exp": issued_at + TOKEN_SECONDS,
                **({"ps": self.person_server} if self.person_server else {}),
            }
            header = {"alg": "Ed25519", "typ": TYPE, "kid": kid}
            return jwt.encode(header, claims, signing, algorithms=["Ed25519"]), issued_at + TOKEN_SECONDS

        return Identity(token, key=key, person_server=self.person_server, now=now)


def new_provider_key(kid: str = "") -> dict[str, Any]:
    """A fresh private key for a provider, as a JWK."""
    made = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "Ed25519"}, private=True)
    return {**made.as_dict(private=True), "kid": kid or made.thumbprint()}


def public_part(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """What a resource is told of a provider's key."""
    return {name: value for name, value in jwk.items() if name != "d"}


@dataclass(frozen=True, slots=True)
class Kept:
    """An identity as a file keeps it: the agent's key stays the same from one run to the next."""

    provider: Provider
    key: Mapping[str, Any] = field(repr=False)

    def identity(self) -> Identity:
        """Raises BadIdentity."""
        try:
            private: Key = OKPKey.import_key(dict(self.key)).private_key
        except (JoseError, ValueError, KeyError, TypeError):
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise BadIdentity("the agent's own key is no private Ed25519 JWK")
        return self.provider.identity(key=private)


def load_identity(path: Path) -> Kept:
    """What that file keeps. Raises OSError, and BadIdentity when it keeps something else."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        provider = Provider(
            str(read["issuer"]),
            str(read["subject"]),
            dict(read["provider_key"]),
            str(read.get("person_server", "")),
        )
        return Kept(provider, dict(read["key"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadIdentity(
            f"{path} is no identity: issuer, subject, provider_key and key are expected"
        ) from None


def create_identity(path: Path, provider: Provider) -> Kept:
    """A fresh key of the agent's own is kept in that new file, which nobody else can read.

    Raises OSError, FileExistsError when there is one already.
    """
    own = new_provider_key()
    whole = {
        "issuer": provider.issuer,
        "subject": provider.subject,
        **({"person_server": provider.person_server} if provider.person_server else {}),
        "provider_key": dict(provider.jwk),
        "key": own,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=2)
        file.write("\n")
    return Kept(provider, own)
