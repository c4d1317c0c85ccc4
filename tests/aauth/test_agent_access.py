"""Tokens that open a resource: the agent gets them from its own person server, and from nobody else
(seed of the clarification chat, and the newest wording of it)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.aauth import signatures
from gateway.aauth.agent import (
    Agent,
    AgentError,
    Answer,
    BadAnswer,
    Habits,
    NotGranted,
    Provider,
    ServerIdentity,
    Unsafe,
    UserUnreachable,
    new_provider_key,
)
from tests.aauth.stand_ins import Asked, Reply, Said, Server, Time, problem, serving, waits

ACCOUNT = "/account"
DOCUMENT = "/.well-known/aauth-person.json"
DATA = Said(200, {"name": "Alex"})
KEY = signatures.new_key()


def written(**claims: Any) -> str:
    """A token as far as the agent reads one."""
    parts = ({"alg": "Ed25519"}, claims)
    return (
        ".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
        + ".c2ln"
    )


PERSON_TOKEN = written(typ="person")
AUTH_TOKEN = written(typ="auth")


@pytest.fixture
def shop() -> Iterator[Server]:
    with serving() as server:
        server.on("GET", ACCOUNT, opened_by(server))
        yield server


@pytest.fixture
def person() -> Iterator[Server]:
    with serving() as server:
        document = {
            "issuer": server.origin,
            "person_token_endpoint": server.origin + "/person",
            "auth_token_endpoint": server.origin + "/token",
        }
        server.on("GET", DOCUMENT, Said(200, document))
        server.on("POST", "/person", Said(200, {"person_token": PERSON_TOKEN, "expires_in": 3600}))
        server.on("POST", "/token", Said(200, {"auth_token": AUTH_TOKEN, "expires_in": 3600}))
        yield server


def token_of(asked: Asked) -> str:
    """What the request is signed with; the signature is the agent's own."""
    message = signatures.Message(
        asked.method,
        asked.headers["host"],
        asked.path,
        query=asked.query,
        headers=asked.headers,
        body=asked.body,
    )
    signed = signatures.read(message, schemes=("jwt", "jwks_uri"))
    signatures.verify(signed, message, signatures.public_jwk(KEY))
    return signed.parameters.get("jwt", signed.scheme)


def resource_token(shop: Server, **changed: Any) -> str:
    claims = {"iss": shop.origin, "agent_jkt": signatures.thumbprint(signatures.public_jwk(KEY))}
    return written(**{**claims, **changed})


def challenge(requirement: str, header: str = "AAuth-Requirement", **more: str) -> Said:
    return Said(401, {"error": "unauthorized"}, {header: requirement, **more})


def opened_by(shop: Server, **changed: Any) -> Any:
    """The account, which wants to know the person, and then what they allow."""

    def reply(asked: Asked) -> Said:
        token = token_of(asked)
        if token == AUTH_TOKEN:
            return DATA
        if token == PERSON_TOKEN:
            return challenge(f'requirement=auth-token; resource-token="{resource_token(shop, **changed)}"')
        return challenge("requirement=person-token")

    return reply


class Played:
    def __init__(self, shop: Server, person: Server | None, **given: Any) -> None:
        self.time = Time()
        self.prompts: list[tuple[str, str]] = []
        self.told: list[str] = []
        habits = {"loopback_http": True, **given.pop("habits", {})}
        provider = Provider(
            "https://agents.example",
            "aauth:shopper@agents.example",
            new_provider_key("one"),
            person.origin if person else "",
        )
        given.setdefault("on_interaction", lambda url, code: self.prompts.append((url, code)))
        self.agent = Agent(
            given.pop("identity", provider.identity(key=KEY)),
            resource=shop.origin,
            on_status=lambda notice: self.told.append(notice.what),
            habits=Habits(**habits),
            clock=self.time.clock,
            sleep=self.time.sleep,
            **given,
        )

    def opens(self) -> Answer:
        return self.agent.request("GET", ACCOUNT)


def posted(server: Server) -> list[tuple[str, Any]]:
    return [(asked.path, asked.json) for asked in server.asked if asked.method == "POST"]


@pytest.mark.requirement("AA-410", "AA-412", "AA-309")
def test_one_token_after_the_other_and_each_is_kept(shop: Server, person: Server) -> None:
    """The person server is the one that the agent's own token names."""
    played = Played(shop, person, habits={"description": "To fill in your address."})

    first, second = played.opens(), played.opens()

    assert first.body == second.body == {"name": "Alex"}
    assert [token_of(asked) for asked in shop.asked[1:]] == [PERSON_TOKEN, AUTH_TOKEN, AUTH_TOKEN]
    assert posted(person) == [
        ("/person", {"resource": shop.origin, "capabilities": ["interaction"]}),
        (
            "/token",
            {
                "resource_token": resource_token(shop),
                "presented_token": PERSON_TOKEN,
                "capabilities": ["interaction"],
                "justification": "To fill in your address.",
            },
        ),
    ]
    assert person.lines().count(f"GET {DOCUMENT}") == 1
    assert played.told == ["granted", "granted"]


@pytest.mark.requirement("AA-412")
def test_a_token_that_ends_is_got_again(shop: Server, person: Server) -> None:
    played = Played(shop, person)
    played.opens()

    played.time.now += 3600
    played.opens()

    assert [path for path, _ in posted(person)] == ["/person", "/token"] * 2


@pytest.mark.requirement("AA-404")
def test_the_same_request_in_one_second_is_signed_anew(shop: Server, person: Server) -> None:
    """An equal signature would be a replay, which servers refuse."""
    played = Played(shop, person)
    for _ in range(3):
        played.opens()
        played.time.now += 3600

    signatures_sent = [asked.headers["signature"] for asked in person.asked if asked.path == "/person"]

    assert len(set(signatures_sent)) == len(signatures_sent) == 3


@pytest.mark.requirement("AA-407", "AA-416")
def test_a_kept_token_that_is_refused_is_forgotten(shop: Server, person: Server) -> None:
    played = Played(shop, person)
    played.opens()
    revoked = challenge("", "Signature-Error", **{"Signature-Error": "error=revoked_jwt"})
    shop.on("GET", ACCOUNT, revoked, *[opened_by(shop)] * 3)

    assert played.opens().status == 200
    assert [path for path, _ in posted(person)] == ["/person", "/token", "/token"]


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize("requirement", ["person-token", "auth-token", ""])
def test_the_person_is_not_asked_again_and_again(shop: Server, person: Server, requirement: str) -> None:
    """A resource that is content with nothing gets each token once."""
    asks = f'requirement={requirement}; resource-token="{resource_token(shop)}"' if requirement else ""
    shop.on("GET", ACCOUNT, opened_by(shop), opened_by(shop), challenge(asks))
    played = Played(shop, person)

    assert played.opens().status == 401
    assert [path for path, _ in posted(person)] == ["/person", "/token"]
    assert len(shop.asked) == 3


@pytest.mark.requirement("AA-102", "AA-103", "AA-104", "AA-206")
def test_the_person_server_asks_back_and_sends_the_person_to_its_page(shop: Server, person: Server) -> None:
    page = f'requirement=interaction; url="{person.origin}/i/1"; code="K7QX42MB"'
    asks = waits(person, requires="requirement=clarification", clarification="Why?", timeout=60)
    person.on("POST", "/token", waits(person, requires=page))
    person.on("GET", "/pending/1", asks, Said(200, {"auth_token": AUTH_TOKEN, "expires_in": 60}))
    person.on("POST", "/pending/1", waits(person, requires=page))
    played = Played(shop, person, on_clarification=lambda *_: "To deliver the lamp.")

    assert played.opens().status == 200
    assert played.prompts == [(f"{person.origin}/i/1", "K7QX42MB")]
    answered = next(body for path, body in posted(person) if path == "/pending/1")
    assert answered == {
        "action": "clarification_response",
        "clarification_response": "To deliver the lamp.",
    }
    assert all("aauth-capabilities" not in asked.headers for asked in person.asked)
    assert posted(person)[0][1]["capabilities"] == ["interaction", "clarification"]


HOSTILE: list[tuple[str, Reply, type[AgentError]]] = [
    ("denied", problem(403, "denied"), NotGranted),
    ("revoked", problem(403, "revoked"), NotGranted),
    ("bad request", problem(400, "invalid_resource_token"), NotGranted),
    ("unreachable", problem(403, "user_unreachable"), UserUnreachable),
    ("redirect", Said(307, {}, {"Location": "https://evil.example/token"}), NotGranted),
    ("no token", Said(200, {"expires_in": 60}), BadAnswer),
    ("no text", Said(200, {"auth_token": ["a.b.c"], "person_token": 7}), BadAnswer),
    ("line breaks", Said(200, {"auth_token": "a.b.c\r\nX: y", "person_token": "a.b.c\r\nX: y"}), BadAnswer),
    ("too long", Said(200, {"auth_token": f"a.b.{'c' * 12_000}", "person_token": "a.b"}), BadAnswer),
    ("elsewhere", Said(202, {}, {"Location": "https://evil.example/pending"}), BadAnswer),
    ("garbage", Said(200, b"<html>"), BadAnswer),
    ("silence", None, AgentError),
]


@pytest.mark.requirement("AA-216", "AA-305")
@pytest.mark.parametrize("endpoint", ["/person", "/token"])
@pytest.mark.parametrize(("reply", "error"), [row[1:] for row in HOSTILE], ids=[row[0] for row in HOSTILE])
def test_whatever_is_no_token(
    shop: Server, person: Server, endpoint: str, reply: Reply, error: type[AgentError]
) -> None:
    person.on("POST", endpoint, reply)

    with pytest.raises(error):
        Played(shop, person).opens()


@pytest.mark.requirement("AA-410")
@pytest.mark.parametrize(
    "changed",
    [{"iss": "https://bank.example"}, {"agent_jkt": "somebody"}, {"iss": None}],
    ids=["another resource", "another key", "nobody"],
)
def test_a_resource_cannot_pass_on_what_is_not_its_own(
    shop: Server, person: Server, changed: dict[str, Any]
) -> None:
    shop.on("GET", ACCOUNT, opened_by(shop, **changed))

    with pytest.raises(BadAnswer):
        Played(shop, person).opens()

    assert [path for path, _ in posted(person)] == ["/person"]


@pytest.mark.requirement("AA-410", "AA-413")
@pytest.mark.parametrize("header", ["AAuth-Requirement", "AAuth"])
def test_a_resource_does_not_choose_who_gets_to_see_its_writing(
    shop: Server, person: Server, header: str
) -> None:
    """Whatever it names beside the agent's own person server, in either wording."""
    with serving() as evil:
        member = "requirement" if header == "AAuth-Requirement" else "require"
        asks = (
            f'{member}=auth-token; resource-token="{resource_token(shop)}"; auth-server="{evil.origin}"; '
            f'auth-token-endpoint="{evil.origin}/token"; ps="{evil.origin}"; url="{evil.origin}/x"'
        )
        shop.on("GET", ACCOUNT, challenge(asks, header), challenge(asks, header), DATA)

        answer = Played(shop, person).opens()

        assert answer.status == 200
        assert evil.asked == []
        assert [path for path, _ in posted(person)] == ["/person", "/token"]


@pytest.mark.requirement("AA-308", "AA-413")
def test_without_a_person_server_the_challenge_is_the_answer(shop: Server) -> None:
    played = Played(shop, None)

    assert played.opens().status == 401
    assert played.told == ["unknown"]


@pytest.mark.requirement("AA-413")
@pytest.mark.parametrize(
    "document",
    [
        {},
        {"issuer": "https://somebody.example", "person_token_endpoint": "https://somebody.example/p"},
        {"issuer": "OWN", "person_token_endpoint": 7},
        {"issuer": "OWN", "person_token_endpoint": "http://person.example/p"},
    ],
    ids=["empty", "another's", "no text", "not https"],
)
def test_only_its_own_document_says_where_tokens_are(shop: Server, person: Server, document: Any) -> None:
    if document.get("issuer") == "OWN":
        document = {**document, "issuer": person.origin}
    person.on("GET", DOCUMENT, Said(200, document))

    with pytest.raises(AgentError):
        Played(shop, person).opens()

    assert posted(person) == []


class Older(Played):
    """An agent that is a server itself, and lets the resource name an auth server."""

    def __init__(self, shop: Server, auth: Server, *, allowed: bool = True, **given: Any) -> None:
        server = ServerIdentity("https://agent.supply-chain.example", "key-1", KEY)
        servers = frozenset({auth.origin if allowed else "https://auth.example"})
        habits = {"older_answers": True, "auth_servers": servers}
        super().__init__(shop, None, identity=server, habits=habits, **given)


def older(shop: Server, auth: Server) -> Any:
    def reply(asked: Asked) -> Said:
        if token_of(asked) == AUTH_TOKEN:
            return DATA
        assert token_of(asked) == "jwks_uri"
        named = f'resource-token="{resource_token(shop)}"; auth-server="{auth.origin}"'
        return challenge(f"require=auth-token; {named}", "AAuth")

    return reply


@pytest.mark.requirement("AA-100", "AA-405")
@pytest.mark.parametrize("published", [True, False])
def test_the_walk_of_the_older_wording(shop: Server, person: Server, published: bool) -> None:
    """Signed as a server, the page named by metadata, the answer without its action, then scheme jwt."""
    document = {
        "issuer": person.origin,
        "token_endpoint": person.origin + "/exchange",
        "interaction_endpoint": person.origin + "/interact",
    }
    endpoint = "/exchange" if published else "/token"
    person.on("GET", DOCUMENT, Said(404))
    if published:
        person.on("GET", "/.well-known/aauth-issuer.json", Said(200, document))
    shop.on("GET", ACCOUNT, older(shop, person))
    body = {"status": "pending", "require": "interaction", "code": "201252Z6"}
    pending = {"Location": f"{person.origin}/pending/1", "AAuth": 'require=interaction; code="201252Z6"'}
    person.on("POST", endpoint, Said(202, body, pending))
    asks = Said(202, {**body, "clarification": "Why do you need my calendar?"}, {"Location": "/pending/1"})
    person.on("GET", "/pending/1", asks, Said(200, {"auth_token": AUTH_TOKEN, "expires_in": 3600}))
    person.on("POST", "/pending/1", Said(202, body, pending))
    played = Older(shop, person, on_clarification=lambda *_: "For the current task.")

    assert played.opens().body == {"name": "Alex"}
    assert played.prompts == ([(f"{person.origin}/interact", "201252Z6")] if published else [])
    assert posted(person)[0][0] == endpoint
    assert posted(person)[1] == ("/pending/1", {"clarification_response": "For the current task."})


@pytest.mark.requirement("AA-413")
def test_an_auth_server_that_nobody_has_allowed(shop: Server, person: Server) -> None:
    shop.on("GET", ACCOUNT, older(shop, person))

    with pytest.raises(Unsafe):
        Older(shop, person, allowed=False).opens()

    assert person.asked == []
