"""Who the demo's agents say they are. Their provider's private key is public, like all the demo's secrets."""

from __future__ import annotations

import uuid

from gateway.aauth.agent import Provider

ISSUER = "https://agents.demo.example"
"""The demo shop believes it without asking; a real merchant must not."""
KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "alg": "Ed25519",
    "use": "sig",
    "kid": "demo-only-agents",
    "x": "0UqrROQq7l8TrfnASi8VB3VMJC_cOJtbRIkahEXIgrw",
    "d": "zGsGj7gAVMMUJL0dROQRsZZ8mU9DWquC9ygTz8rCFtk",
}


def provider(name: str = "", *, person_server: str = "") -> Provider:
    """The demo's provider, which vouches for an agent of that name, or of a new one; and says which server
    speaks for its person."""
    subject = f"aauth:{name or f'demo-{uuid.uuid4().hex[:8]}'}@agents.demo.example"
    return Provider(ISSUER, subject, KEY, person_server)
