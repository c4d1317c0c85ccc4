"""HTTP Message Signatures (RFC 9421) in the profile of AAuth, draft -11: signing, reading, verifying.

Pure: no Django, no settings, nothing fetched, nothing stored; the clock can be handed in. A server reads
first (what was signed, when, with which kind of key), finds the key, and then verifies:

    signed = read(message)
    jwk = ...                         # from the token, see gateway/aauth/tokens.py
    verify(signed, message, jwk)

Whatever an agent sends, SignatureProblem is the only exception that these two raise.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from gateway.aauth import signature_fields as fields
from gateway.aauth.jwk import PrivateKey, new_key, public_jwk, public_key, thumbprint
from gateway.aauth.signature_problem import SignatureProblem

__all__ = [
    "Message",
    "SignatureProblem",
    "Signed",
    "by_jwks_uri",
    "by_jwt",
    "by_key",
    "content_digest",
    "is_signed",
    "new_key",
    "public_jwk",
    "read",
    "sign",
    "thumbprint",
    "used",
    "verify",
]

WINDOW_SECONDS = 60
"""How far `created` may lie behind us or ahead of us (AA-403)."""
ALWAYS = ("@method", "@authority", "@path", "signature-key")
DERIVED = frozenset({"@method", "@authority", "@path", "@query"})
OLDER_SCHEMES = frozenset({"hwk", "jwks_uri"})
"""What agents used before they had tokens."""
DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
SIGNATURE_BYTES = 64
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

FIELD_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
VISIBLE = re.compile(r"[\t\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Message:
    """A request as it was sent: path and query raw, header names in lower case, and one value for each."""

    method: str
    authority: str
    """Host, and port when it is not 443. A server takes it from its settings, never from Host (AA-408)."""
    path: str
    query: str = ""
    """Without the question mark."""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Message({self.method} {self.path})"


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request says about its signature. Nothing of it is true before `verify` has returned."""

    label: str
    covered: tuple[str, ...]
    created: int
    expires: int | None
    scheme: str
    parameters: Mapping[str, str] = field(repr=False)
    """Of the scheme: `jwt`; or `id`, `dwk`, `kid`; with `hwk` they are the JWK itself."""
    signature: bytes = field(repr=False)
    keyid: str = ""
    inputs: str = ""
    """The `@signature-params` that were signed."""
    legacy: frozenset[str] = frozenset()
    """Which older wordings had to be understood: `signature`, `signature-key`, `scheme`, `body`."""


def is_signed(headers: Mapping[str, str]) -> bool:
    """`Signature` is the one of RFC 9421, and not ACP's own of the same name (AA-417)."""
    return "signature-input" in headers


def read(
    message: Message,
    *,
    lenient: bool = False,
    now: float | None = None,
    window: int = WINDOW_SECONDS,
    also: Collection[str] = (),
    schemes: Collection[str] = ("jwt",),
    bodies_covered: bool = True,
) -> Signed:
    """What was signed; it covers enough, is neither old nor ahead, and names its key in an accepted scheme.

    Covered must be ALWAYS; the query, the body's digest and type, and `authorization`, where there are any;
    and `also`. `lenient` understands the older wording too: signatures in base64url or unpadded, keys
    written as an inner list, and the schemes `hwk` and `jwks_uri`; with `bodies_covered=False` also bodies
    that nothing covers, as it had them. What of this was needed stands in `Signed.legacy`.
    The signature itself is not looked at, see `verify`. Raises SignatureProblem.
    """
    older: set[str] = set()
    texts = [message.headers.get(name, "") for name in ("signature-input", "signature", "signature-key")]
    if not all(texts):
        raise SignatureProblem(
            "invalid_signature", "Signature, Signature-Input and Signature-Key are needed."
        )
    inputs = fields.dictionary("signature-input", texts[0])
    signatures = fields.signatures(texts[1], older if lenient else None)
    keys = fields.keys(texts[2], older if lenient else None)
    accepted = {*schemes, *(OLDER_SCHEMES if lenient else ())}
    label = fields.shared_label(inputs, signatures, keys, accepted)
    components, parameters = fields.components(inputs[label])
    scheme, named = fields.scheme(keys[label])
    signature = fields.signature(signatures[label], texts[1], older if lenient else None)

    if scheme in accepted and scheme not in schemes:
        older.add("scheme")
    bare = bool(older) and not bodies_covered
    due = _due(message, also, bare=bare)
    covered = _covered(components, due)
    if bare and message.body and "content-digest" not in covered:
        older.add("body")
    created, expires = _times(parameters, int(time.time() if now is None else now), window)
    if scheme not in accepted:
        raise SignatureProblem("unsupported_scheme", "Agents name their token.", schemes=schemes)
    keyid = parameters.get("keyid", "")
    if not isinstance(keyid, str):
        raise SignatureProblem("invalid_signature", "keyid is not a string.")
    return Signed(
        label=label,
        covered=covered,
        created=created,
        expires=expires,
        scheme=scheme,
        parameters=_strings(scheme, named),
        signature=signature,
        keyid=keyid,
        inputs=fields.serialised(inputs[label]),
        legacy=frozenset(older),
    )


def verify(signed: Signed, message: Message, jwk: Mapping[str, Any], *, older: bool = False) -> None:
    """The holder of this key signed this very message; its body is the one that was signed.

    `older` takes a key without `alg`, as older texts wrote it; a request in the older wording always may.
    Raises SignatureProblem; may be repeated.
    """
    key = public_key(jwk, older=older or bool(signed.legacy))
    if signed.keyid and signed.keyid not in (jwk.get("kid"), signed.parameters.get("kid"), thumbprint(jwk)):
        raise SignatureProblem("invalid_key", "keyid names another key than Signature-Key.")
    base = signature_base(message, signed.covered, signed.inputs)
    if len(signed.signature) != SIGNATURE_BYTES:
        raise SignatureProblem("invalid_signature", "A signature of this key has 64 bytes.")
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signed.signature, base)
        else:
            r, s = (int.from_bytes(half, "big") for half in (signed.signature[:32], signed.signature[32:]))
            key.verify(encode_dss_signature(r, s), base, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as why:
        raise SignatureProblem("invalid_signature", "The signature does not verify.") from why
    if "content-digest" in signed.covered:
        _check_digest(message)


def used(signed: Signed, jwk: Mapping[str, Any]) -> str:
    """The name under which a verified signature is remembered so that it works once (AA-404).

    Two spellings of one ECDSA signature (s and its negative) have one name, and so have two encodings
    of the same bytes.
    """
    signature = signed.signature
    if jwk.get("kty") == "EC":
        s = int.from_bytes(signature[32:], "big")
        signature = signature[:32] + min(s % P256_ORDER, -s % P256_ORDER).to_bytes(32, "big")
    return hashlib.sha256(thumbprint(jwk).encode() + b"." + signature).hexdigest()


def sign(
    message: Message,
    private_key: PrivateKey,
    *,
    signature_key: str,
    label: str = "sig",
    created: int | None = None,
    expires: int | None = None,
    keyid: str = "",
    also: Iterable[str] = (),
) -> dict[str, str]:
    """The headers to add so that `message` is signed: Signature, Signature-Input, Signature-Key, and
    Content-Digest when there is a body.

    `signature_key` is the member without its label, see `by_jwt`. The message's own headers stay as they
    are and must be sent as they were signed. Raises ValueError for what cannot be signed: a body without
    Content-Type, a header in `also` that is not there.
    """
    added = {"Signature-Key": f"{label}={signature_key}"}
    if message.body:
        added["Content-Digest"] = content_digest(message.body)
    headers = {name.lower(): value for name, value in (*message.headers.items(), *added.items())}
    whole = replace(message, headers=headers)
    covered = list(dict.fromkeys(_due(whole, tuple(also))))
    parameters: dict[str, Any] = {"created": int(time.time()) if created is None else created}
    if expires is not None:
        parameters["expires"] = expires
    if keyid:
        parameters["keyid"] = keyid
    inputs = fields.serialised(([(name, {}) for name in covered], parameters))
    try:
        base = signature_base(whole, covered, inputs)
    except SignatureProblem as why:
        raise ValueError(why.detail) from why
    added["Signature-Input"] = f"{label}={inputs}"
    added["Signature"] = f"{label}=:{base64.b64encode(_signature(private_key, base)).decode()}:"
    return added


def by_jwt(token: str) -> str:
    """Signature-Key of an agent: the token holds the key (AA-405)."""
    return "jwt" + fields.joined({"jwt": token})


def by_jwks_uri(id: str, dwk: str, kid: str) -> str:
    """Signature-Key of a server that signs for itself: its metadata lead to the key."""
    return "jwks_uri" + fields.joined({"id": id, "dwk": dwk, "kid": kid})


def by_key(jwk: Mapping[str, str]) -> str:
    """Signature-Key with the bare key in it, of the older wording; it says nothing about who signs."""
    names = ("kty", "crv", "x", "y", "alg")
    return "hwk" + fields.joined({name: jwk[name] for name in names if name in jwk})


def content_digest(body: bytes) -> str:
    """The Content-Digest of a body (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def signature_base(message: Message, covered: Iterable[str], inputs: str) -> bytes:
    """The bytes that are signed (RFC 9421, 2.5). Raises SignatureProblem when they cannot be made."""
    lines = [f'"{name}": {_value(message, name)}' for name in covered]
    lines.append(f'"@signature-params": {inputs}')
    try:
        return "\n".join(lines).encode("ascii")
    except UnicodeEncodeError as why:
        raise SignatureProblem("invalid_signature", "What was signed is not ASCII.") from why


def _due(message: Message, also: Collection[str], *, bare: bool = False) -> tuple[str, ...]:
    """What must be covered, in the order in which we sign it; of a bare message not its body."""
    due = list(ALWAYS)
    if message.query:
        due.insert(3, "@query")
    if message.body and not bare:
        due += ["content-digest", "content-type"]
    if "authorization" in message.headers:
        due.append("authorization")
    return tuple(dict.fromkeys([*due, *(name.lower() for name in also)]))


def _covered(components: list[Any], due: tuple[str, ...]) -> tuple[str, ...]:
    """The names that are covered: all that are due, each once, none that is not understood here."""
    covered = tuple(name for name, parameters in components if _is_plain(name) and not parameters)
    if len(covered) < len(components):
        detail = "A component is covered that is not understood here."
    elif len(set(covered)) < len(covered):
        detail = "A component is covered twice."
    elif not set(due) <= set(covered):
        detail = "The signature does not cover all that it must."
    else:
        return covered
    raise SignatureProblem("invalid_input", detail, required=due)


def _is_plain(name: Any) -> bool:
    return type(name) is str and (name in DERIVED or FIELD_NAME.fullmatch(name) is not None)


def _strings(scheme: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a scheme that are strings, with those that it needs."""
    found = {name: value for name, value in parameters.items() if isinstance(value, str)}
    if scheme == "jwt" and not found.get("jwt"):
        raise SignatureProblem("invalid_jwt", "Signature-Key has no token.")
    if scheme == "jwks_uri" and not (found.get("id") and found.get("kid")):
        raise SignatureProblem("invalid_key", "Signature-Key names no key.")
    if scheme == "hwk" and "kid" in parameters:
        raise SignatureProblem("invalid_key", "A key that is there itself has no kid.")
    return found


def _times(parameters: Mapping[str, Any], now: int, window: int) -> tuple[int, int | None]:
    created, expires = parameters.get("created"), parameters.get("expires")
    if type(created) is not int:
        raise SignatureProblem("invalid_signature", "created is missing, or no number of seconds.")
    if created > now + window:
        raise SignatureProblem("clock_skew", "The signature was made in the future.")
    if created < now - window:
        raise SignatureProblem("invalid_signature", "The signature is too old.")
    if expires is None:
        return created, None
    if type(expires) is not int:
        raise SignatureProblem("invalid_signature", "expires is no number of seconds.")
    if expires <= now:
        raise SignatureProblem("invalid_signature", "The signature has expired.")
    return created, expires


def _value(message: Message, name: str) -> str:
    """A component's value as it stands in the base (RFC 9421, 2.1 and 2.2)."""
    if name == "@method":
        value = message.method
    elif name == "@authority":
        value = message.authority.lower().removesuffix(":443")
    elif name == "@path":
        value = message.path or "/"
    elif name == "@query":
        value = "?" + message.query
    else:
        found = message.headers.get(name)
        if found is None:
            raise SignatureProblem("invalid_signature", "A header that was signed is not there.")
        value = found.strip(" \t")
    if not VISIBLE.fullmatch(value):
        raise SignatureProblem("invalid_signature", "What was signed has characters that cannot be signed.")
    return value


def _check_digest(message: Message) -> None:
    """Content-Digest is that of the bytes that came (AA-409): every digest we know, and at least one."""
    given = fields.dictionary("content-digest", message.headers.get("content-digest", ""))
    known = {name: make for name, make in DIGESTS.items() if name in given}
    if not known:
        raise SignatureProblem("invalid_signature", "Content-Digest has neither sha-256 nor sha-512.")
    for name, make in known.items():
        if given[name][0] != make(message.body).digest():
            raise SignatureProblem("invalid_signature", "Content-Digest is not that of the body.")


def _signature(private_key: PrivateKey, base: bytes) -> bytes:
    if isinstance(private_key, Ed25519PrivateKey):
        return private_key.sign(base)
    r, s = decode_dss_signature(private_key.sign(base, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")
