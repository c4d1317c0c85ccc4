"""What an agent may ask its person's server for, and how anything else is refused (AA-201 to AA-203)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.person_models import Summons
from tests.aauth.agents import SignedAgent
from tests.aauth.person_server.relayed import (
    PATH,
    URL,
    Asker,
    account,
    only,
    present,
    problem,
    speaking,
    theirs,
)

OUR = "https://shop.example"


@pytest.fixture
def asker(db: None) -> Iterator[Asker]:
    with speaking():
        person = account()
        present(person)
        yield theirs(person)


def refused(response: Any, member: str) -> None:
    """400, the member is named, and nothing was kept."""
    assert problem(response) == (400, "invalid_request")
    assert member in response.json()["detail"]
    assert not Summons.objects.exists()


@pytest.mark.requirement("AA-202")
@pytest.mark.parametrize("kind", [None, "", "completion", "Interaction", 1, ["interaction"], {"a": 1}])
def test_another_type_is_refused(asker: Asker, kind: Any) -> None:
    refused(asker.ask(type=kind), "type")


@pytest.mark.requirement("AA-202")
@pytest.mark.parametrize("kind", ["interaction", "payment"])
def test_both_types_with_a_page_are_taken(asker: Asker, kind: str) -> None:
    assert asker.ask(type=kind).status_code == 202
    assert only().kind == kind


HOSTILE = {
    "none": None,
    "empty": "",
    "number": 7,
    "list": [URL],
    "http": "http://bank.example/i/1",
    "file": "file:///etc/passwd",
    "javascript": "javascript:alert(1)",
    "data": "data:text/html,<script>alert(1)</script>",
    "no scheme": "//bank.example/i/1",
    "query": "https://bank.example/i/1?code=1",
    "bare query": "https://bank.example/i/1?",
    "fragment": "https://bank.example/i/1#top",
    "user": "https://bank.example@evil.example/i/1",
    "password": "https://a:b@evil.example/",
    "backslash": "https://bank.example\\@evil.example/",
    "space": "https://bank.example/i 1",
    "line break": "https://bank.example/i\n1",
    "other letters": "https://b\u0430nk.example/i/1",
    "direction": "https://bank.example/\u202e1/i",
    "number that is an address": "https://2130706433/i",
    "hexadecimal": "https://0x7f000001/i",
    "broken escape": "https://bank.example/%zz",
    "port": "https://bank.example:99999/i",
    "long": "https://bank.example/" + "a" * 2_000,
    "quote": 'https://bank.example/"onmouseover="alert(1)',
}


@pytest.mark.requirement("AA-203")
@pytest.mark.parametrize("name", HOSTILE)
def test_an_address_that_is_none_is_refused(asker: Asker, name: str) -> None:
    refused(asker.ask(url=HOSTILE[name]), "url")


@pytest.mark.requirement("AA-203")
def test_only_the_demo_sends_people_to_this_machine_by_http(asker: Asker) -> None:
    assert asker.ask(url="http://localhost:8300/i/1").status_code == 202
    with speaking(DEMO=False):
        assert problem(asker.ask(url="http://localhost:8300/i/2")) == (400, "invalid_request")
        assert problem(asker.ask(url="http://127.0.0.1/i/2")) == (400, "invalid_request")


@pytest.mark.requirement("AA-203")
def test_a_merchant_may_allow_some_origins_alone(asker: Asker) -> None:
    with speaking(AAUTH_RELAY_ORIGINS=("https://bank.example",)):
        refused(asker.ask(url="https://bank.example.evil.example/i/7"), "url")
        refused(asker.ask(url="https://bank.example:8443/i/7"), "url")
        assert asker.ask().status_code == 202


WRONG = {
    "code that is a list": {"code": ["A"]},
    "code with markup": {"code": "<b>1</b>"},
    "code with a space": {"code": "AB CD"},
    "code that is long": {"code": "A" * 65},
    "code that is empty": {"code": ""},
    "code that is a card": {"code": "4242424242424242"},
    "description that is a number": {"description": 1},
    "description that is long": {"description": "a" * 4_001},
    "description with a control character": {"description": "a\u009bb"},
    "description with a card": {"description": "Pay with 4242 4242 4242 4242"},
    "max_wait of nothing": {"max_wait": 0},
    "max_wait of the past": {"max_wait": -1},
    "max_wait that is true": {"max_wait": True},
    "max_wait in words": {"max_wait": "60"},
    "max_wait of half a second": {"max_wait": 0.5},
    "capabilities in words": {"capabilities": "interaction"},
    "capabilities of numbers": {"capabilities": [1]},
    "capabilities without end": {"capabilities": ["a"] * 21},
    "mission_s256 of nobody": {"mission_s256": "cG9zc2libHkgYSBtaXNzaW9u"},
}


@pytest.mark.requirement("AA-203", "AA-215")
@pytest.mark.parametrize("name", WRONG)
def test_a_member_that_is_wrong_is_named(asker: Asker, name: str) -> None:
    refused(asker.ask(**WRONG[name]), name.partition(" ")[0])


QUESTIONS = {
    "none": None,
    "empty": "  ",
    "list": ["Which size?"],
    "long": "a" * 2_001,
    "one-time code": "What is the verification code in your mail?",
    "password": "Tell me your password, please.",
    "in German": "Wie lautet Ihr Bestätigungscode?",
    "card": "What is your card number?",
    "markup": "Which <script>alert(1)</script> size?",
    "control character": "Which\u009b2J size?",
}


@pytest.mark.requirement("AA-209", "AA-114")
@pytest.mark.parametrize("name", QUESTIONS)
def test_what_may_not_be_asked_is_refused(asker: Asker, name: str) -> None:
    refused(asker.question(QUESTIONS[name]), "question")


@pytest.mark.requirement("AA-114")
@pytest.mark.parametrize("name", ["one-time code", "password", "in German", "card"])
def test_what_may_not_be_asked_is_not_asked_beside_a_question(asker: Asker, name: str) -> None:
    """The person reads both together, above one field for the answer."""
    refused(asker.question(description=QUESTIONS[name]), "description")
    assert asker.ask(description=QUESTIONS[name]).status_code == 202, "a page may ask for it"


@pytest.mark.parametrize("member", ["url", "code", "description"])
def test_no_text_holds_what_steers_a_terminal(asker: Asker, member: str) -> None:
    for sign in ("\u0000", "\u001b", "\ud800"):
        refused(asker.ask(**{member: f"https://bank.example/{sign}"}), "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"type":"interaction","type":"question"}', b"\xff"])
def test_what_is_no_json_object_is_refused(asker: Asker, body: bytes) -> None:
    response = asker.http.generic(
        "POST", PATH, body, content_type="application/json", headers=asker.headers()
    )
    assert problem(response) == (400, "invalid_request")


def test_unknown_members_are_left_out(asker: Asker) -> None:
    assert asker.ask(prompt="login", extra={"a": [1]}).status_code == 202


def test_another_method_is_refused(asker: Asker) -> None:
    assert problem(asker.send("GET", PATH))[0] == 405


@pytest.mark.parametrize("server", ["", "https://other.example", "http://localhost:8000/"])
def test_whoever_names_another_server_is_refused(asker: Asker, server: str) -> None:
    """2.5: we speak for people whose agents say so."""
    response = asker.ask(server=server)
    assert problem(response) == (403, "agent_refused")
    assert "person server" in response.json()["detail"]


@pytest.mark.parametrize("off", [{"AAUTH_PERSON_SERVER": False}, {"AAUTH": False}])
def test_switched_off_there_is_nothing(asker: Asker, off: dict[str, bool]) -> None:
    with speaking(**off):
        nothing = asker.send("GET", "/agentic/aauth/person/nothing")
        for method, path in (
            ("POST", PATH),
            ("GET", PATH),
            ("GET", "/agentic/aauth/person/relay/1"),
            ("PUT", PATH),
        ):
            answer = asker.send(method, path, {} if method == "POST" else None)
            assert (answer.status_code, answer.content) == (404, nothing.content)


@pytest.fixture
def signed(db: None) -> Iterator[SignedAgent]:
    """An agent that really signs."""
    told = {"PUBLIC_URL": OUR, "AAUTH_PERSON_SERVER": True}
    with SignedAgent(person_server=OUR, **told) as agent:
        yield agent


BODY = {"type": "interaction", "url": URL, "code": "ABCD-1234"}


@pytest.mark.requirement("AA-201")
def test_a_signed_request_is_taken_for_its_agent(signed: SignedAgent) -> None:
    """Bound to nobody, and so nobody is reached: it was verified first."""
    assert problem(signed.post(PATH, BODY, authority="shop.example")) == (424, "interaction_unavailable")


@pytest.mark.requirement("AA-201")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_the_signature_covers_the_body_in_every_wording(signed: SignedAgent, wording: str) -> None:
    with SignedAgent(
        person_server=OUR,
        provider=signed.provider,
        PUBLIC_URL=OUR,
        AAUTH_PERSON_SERVER=True,
        AAUTH_WORDING=wording,
    ) as agent:
        content = json.dumps(BODY).encode()
        # Signed without its body, which older texts let pass elsewhere.
        headers = agent.signed("POST", PATH, b"", authority="shop.example")
        response = agent.raw("POST", PATH, content, {**headers, "Content-Type": "application/json"})
        assert response.status_code == 401
        assert "invalid_input" in response.headers["Signature-Error"]


@pytest.mark.requirement("AA-201")
def test_unsigned_requests_are_challenged(signed: SignedAgent) -> None:
    response = signed.raw("POST", PATH, json.dumps(BODY).encode(), {})
    assert response.status_code == 401
    assert response.headers["AAuth-Requirement"] == "requirement=agent-token"
