"""The exchanges in docs/examples are what the server does, and valid; the guides show them as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import facade
from tests.answers import EXTENSION, VERSION
from tests.examples import guides
from tests.examples.recording import FOLDER, file_of, recorded, running, text
from tests.examples.stories import STORIES, Story
from tests.project.server import Server

BY_NAME = [pytest.param(story, id=story.name) for story in STORIES]
OPENING, UPDATING = "CheckoutSessionCreateRequest", "CheckoutSessionUpdateRequest"
VERBS = {"complete": "CheckoutSessionCompleteRequest", "cancel": "CancelSessionRequest"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        yield started


@pytest.mark.server
@pytest.mark.requirement("IT-36", "IT-37", "IT-38", "IT-39")
@pytest.mark.parametrize("story", BY_NAME)
def test_an_example_is_what_the_server_does(story: Story, server: Server) -> None:
    """Played again, step by step; `make examples` writes them anew after a change."""
    assert text(recorded(story, server)) == file_of(story).read_text(), "run `make examples`"


@pytest.mark.parametrize("story", BY_NAME)
def test_an_example_is_valid(story: Story) -> None:
    """Requests too: what an agent copies from here is accepted."""
    exchanges = [step for step in json.loads(file_of(story).read_text())["steps"] if "request" in step]

    for step in exchanges:
        for schema, body in judged(step):
            found = facade.validator(schema, f"{VERSION}+{EXTENSION}").violations(body)
            assert not found, (schema, [(wrong.path, wrong.message) for wrong in found[:3]])


def judged(step: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Both bodies of an exchange, each with the name of its schema."""
    *_, verb = step["request"]["path"].split("/")
    answer = step["response"]
    if "delegate_" in step["request"]["path"]:
        yield from of_a_card(step, verb)
        return
    if "body" in step["request"]:
        changing = UPDATING if verb.startswith("cs_") else OPENING
        yield VERBS.get(verb, changing), step["request"]["body"]
    yield "Error" if answer["status"] >= 400 else "CheckoutSession", answer["body"]


def of_a_card(step: dict[str, Any], verb: str) -> Iterator[tuple[str, Any]]:
    asked = {
        "delegate_payment": ("DelegatePaymentRequest", "DelegatePaymentResponse"),
        "delegate_authentication": ("DelegateAuthenticationCreateRequest", "DelegateAuthenticationSession"),
        "authenticate": ("DelegateAuthenticationAuthenticateRequest", "DelegateAuthenticationSession"),
    }
    request, answer = asked.get(verb, ("", "DelegateAuthenticationSessionWithResult"))
    if "body" in step["request"]:
        yield request, step["request"]["body"]
    refused = step["response"]["status"] >= 400
    yield "DelegationError" if refused else answer, step["response"]["body"]


def test_every_file_is_a_story() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted(story.name for story in STORIES)


@pytest.mark.parametrize("page", guides.pages(), ids=lambda page: page.name)
def test_a_guide_shows_what_was_recorded(page: Path) -> None:
    assert guides.filled(page.read_text()) == page.read_text(), "run `make examples`"
