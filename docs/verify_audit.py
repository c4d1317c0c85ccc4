"""Verifies an audit artifact of an agent session without asking the site that signed it.

    pip install cryptography rfc8785
    python verify_audit.py artifact.json KEY [KEY ...]

KEY is `audit.public_key` of the site's /.well-known/agents.json, or one of its earlier keys, in Base64.
Prints one line, and ends with 0 when the artifact is what the site signed, with 1 when it is not.
"""

import base64
import hashlib
import json
import sys

import rfc8785
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key


def verify(artifact, keys):
    """Raises ValueError, whose text says what is wrong."""
    head, hashes = "", []
    for number, event in enumerate(artifact["events"], 1):
        if event["prev_hash"] != head:
            raise ValueError(f"event {number} does not follow the one before it")
        head = hashlib.sha256(rfc8785.dumps(event)).hexdigest()
        hashes.append(head)
    if hashlib.sha256("".join(hashes).encode()).hexdigest() != artifact["root_hash"]:
        raise ValueError("the root hash is not that of the events")

    public = raw_key(artifact["public_key"])
    if public not in [raw_key(key) for key in keys]:
        raise ValueError("it was signed with another key")
    key = Ed25519PublicKey.from_public_bytes(public)
    whole = {name: value for name, value in artifact.items() if name != "artifact_signature"}
    for name, signed in (
        ("signature", artifact["root_hash"].encode()),
        ("artifact_signature", rfc8785.dumps(whole)),
    ):
        signature = base64.b64decode(artifact[name], validate=True)
        if base64.b64encode(signature).decode() != artifact[name]:
            raise ValueError(f"{name} is not in its form")
        try:
            key.verify(signature, signed)
        except InvalidSignature:
            raise ValueError(f"{name} is not over this artifact") from None


def raw_key(text):
    """The 32 bytes of a public key, which comes bare or as DER."""
    raw = base64.b64decode(text, validate=True)
    return raw if len(raw) == 32 else load_der_public_key(raw).public_bytes_raw()


def once(members):
    """An object of the file. A member that is there twice is two things to two readers."""
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member is there twice")
    return found


def main(arguments):
    if len(arguments) < 2:
        return __doc__
    try:
        with open(arguments[0], encoding="utf-8") as file:
            document = json.load(file, object_pairs_hook=once)
        artifact = document.get("data", document)  # also as the site answers it, in its envelope
        verify(artifact, arguments[1:])
    except (KeyError, TypeError, AttributeError, UnsupportedAlgorithm):
        return "REFUSED: this is not in the form of an artifact"
    except (OSError, ValueError) as problem:
        return f"REFUSED: {problem}"
    count, begun, ended = len(artifact["events"]), artifact["created_at"], artifact["ended_at"]
    print(f"valid: {count} events of {artifact['site']}, {begun} to {ended}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
