"""The example in docs/aauth/signatures.md is true, and every refusal is explained there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gateway.aauth import signatures, tokens
from gateway.aauth.signature_problem import TITLES
from gateway.aauth.signatures import Message

PAGE = (Path(__file__).parents[2] / "docs" / "aauth" / "signatures.md").read_text()
CLAIMS, ISSUER = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
NOW = 1_800_000_000


def example() -> Message:
    (block,) = re.findall(r"```http\n(.*?)\n```", PAGE, re.DOTALL)
    head, body = block.split("\n\n")
    line, *fields = head.split("\n")
    method, path, _ = line.split()
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    return Message(method, headers.pop("host"), path, headers=headers, body=body.encode())


@pytest.mark.requirement("AA-400", "AA-401", "AA-411")
def test_the_example_verifies():
    message = example()

    said = signatures.read(message, now=NOW)
    token = tokens.read(said.parameters["jwt"], now=NOW)
    tokens.verify(token, ISSUER)
    assert token.key is not None
    signatures.verify(said, message, token.key)

    assert token.claims == CLAIMS


def test_what_was_signed_is_shown_as_it_is():
    message = example()
    said = signatures.read(message, now=NOW)
    (shown,) = re.findall(r"```\n(\"@method\".*?)\n```", PAGE, re.DOTALL)

    base = signatures.signature_base(message, said.covered, said.inputs).decode()

    assert re.sub(r'jwt="[^"]+"', "", shown) == re.sub(r'jwt="[^"]+"', "", base)


@pytest.mark.requirement("AA-407")
def test_every_refusal_is_explained():
    rows = {word for cell in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE, re.MULTILINE) for word in
            re.findall(r"`(\w+)`", cell)}  # fmt: skip

    assert set(TITLES) - {"invalid_request"} <= rows
