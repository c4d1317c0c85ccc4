"""Another implementation of RFC 9421 takes what we sign, and we take what it signs.

It insists on `keyid`, which the draft advises against, so one is added. It knows nothing of Signature-Key,
which to it is a header like any other.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import pytest
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)

from gateway.aauth import signatures
from gateway.aauth.jwk import PrivateKey, public_jwk, public_key, thumbprint
from gateway.aauth.signatures import Message
from tests.aauth.signed_requests import KEYS, request, signed, token, with_headers

ALGORITHMS = {"Ed25519": algorithms.ED25519, "ES256": algorithms.ECDSA_P256_SHA256}
REQUESTS = {
    "get": request("GET"),
    "query": request("GET", path="/a%20b/%C3%BC", query="q=a%20b&empty=&q=2"),
    "post": request(headers={"content-type": " application/json; charset=utf-8 "}),
    "authorization": request("DELETE", headers={"authorization": "AAuth abc.def"}),
}


@dataclass
class Theirs:
    """A request as that library takes it."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, message: Message) -> Theirs:
        query = f"?{message.query}" if message.query else ""
        url = f"https://{message.authority}{message.path}{query}"
        return cls(message.method, url, dict(message.headers))


@dataclass
class Resolver(HTTPSignatureKeyResolver):
    key: PrivateKey

    def resolve_public_key(self, key_id: str) -> Any:
        assert key_id == thumbprint(public_jwk(self.key))
        return public_key(public_jwk(self.key))

    def resolve_private_key(self, key_id: str) -> Any:
        return self.key


BOTH = pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
ALL = pytest.mark.parametrize("name", REQUESTS)


@BOTH
@ALL
@pytest.mark.filterwarnings("ignore:Using only a label")
@pytest.mark.requirement("AA-400", "AA-402", "AA-406")
def test_it_verifies_what_we_sign(name: str, alg: str):
    key = KEYS[alg]
    message = signed(REQUESTS[name], alg, created=None, keyid=thumbprint(public_jwk(key)))
    verifier = HTTPMessageVerifier(signature_algorithm=ALGORITHMS[alg], key_resolver=Resolver(key))
    verifier.allow_label_only_selection = True

    (result,) = verifier.verify(Theirs.of(message), expect_label="sig", body=message.body or None)

    assert set(signatures.read(message).covered) == {
        component.strip('"') for component in result.covered_components if "signature-params" not in component
    }
    altered = Theirs.of(message)
    altered.url += "/other"
    with pytest.raises(InvalidSignature):
        verifier.verify(altered, expect_label="sig")


@BOTH
@ALL
@pytest.mark.requirement("AA-400", "AA-402", "AA-406", "AA-409")
def test_we_verify_what_it_signs(name: str, alg: str):
    key = KEYS[alg]
    message = with_headers(REQUESTS[name], {"signature-key": f"sig={signatures.by_jwt(token(alg))}"})
    covered = ["@path", "@authority", "@method", "signature-key"]
    covered += ["@query"] if message.query else []
    covered += ["content-type"] if message.body else []
    covered += ["authorization"] if "authorization" in message.headers else []
    theirs = Theirs.of(message)
    signer = HTTPMessageSigner(signature_algorithm=ALGORITHMS[alg], key_resolver=Resolver(key))

    signer.sign(
        theirs,
        key_id=thumbprint(public_jwk(key)),
        label="sig",
        created=datetime.datetime.now(datetime.UTC),
        covered_component_ids=covered,
        body=message.body or None,
    )

    arrived = with_headers(message, theirs.headers)
    said = signatures.read(arrived)
    signatures.verify(said, arrived, public_jwk(key))
    assert ("content-digest" in said.covered) == bool(message.body)
