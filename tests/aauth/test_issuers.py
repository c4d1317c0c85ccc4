"""Keys of issuers: requirements AA-413, AA-414; reliability-security T23 to T26.

The issuer is a real HTTP server on this machine; only the demo's settings lead there.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connections, transaction
from django.test import override_settings
from django.utils import timezone

from gateway.aauth import issuers, signatures, vouching
from gateway.aauth.issuers import AGENT, NoKey
from gateway.pending_models import Issuer
from tests.aauth.agents import ISSUER, Provider, SignedAgent
from tests.aauth.issuing import JWKS, METADATA, Answer, IssuerServer, as_json
from tests.agents import MINIMAL

SESSIONS = "/checkout_sessions"


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def server(shop: None, provider: Provider) -> Iterator[IssuerServer]:
    with IssuerServer(provider) as server:
        yield server


@pytest.fixture
def agent(server: IssuerServer, provider: Provider) -> Iterator[SignedAgent]:
    """An agent whose issuer is not pinned, but found."""
    with SignedAgent(provider=provider, AAUTH_ISSUERS=server.mapped()) as agent:
        yield agent


def forgotten() -> None:
    """As another process, or the same one later: only the table is left."""
    issuers.forget()
    vouching.forget()


def later(**amount: float) -> Any:
    return time_machine.travel(timezone.now() + timedelta(**amount), tick=True)


@pytest.mark.requirement("AA-413")
def test_keys_are_found_at_the_issuer_and_kept_for_all(agent: SignedAgent, server: IssuerServer) -> None:
    first = agent.acp(SESSIONS, MINIMAL)
    agent.renew()
    second = agent.acp(SESSIONS, MINIMAL)
    forgotten()
    third = agent.acp(SESSIONS, MINIMAL)

    assert [first.status_code, second.status_code, third.status_code] == [201, 201, 201], first.content
    assert server.asked == [METADATA, JWKS]
    row = Issuer.objects.get()
    assert (row.issuer, row.document) == (ISSUER, AGENT)
    assert row.keys == agent.provider.jwks["keys"]
    assert row.metadata["name"] == "Example agents"


@pytest.mark.requirement("AA-413")
def test_nothing_is_fetched_for_a_pinned_issuer(signer: SignedAgent) -> None:
    unknown = signer.provider.token(signer.claims(), kid="provider-2")

    assert signer.acp(SESSIONS, MINIMAL).status_code == 201
    signer.token = unknown
    assert signer.acp(SESSIONS, MINIMAL).headers["Signature-Error"] == "error=unknown_key"
    assert not Issuer.objects.exists()


BAD: dict[str, tuple[str, str, Callable[[], Answer]]] = {
    "no document": ("unknown_key", METADATA, lambda: as_json({}, 404)),
    "an error": ("unknown_key", METADATA, lambda: as_json({}, 500)),
    "another issuer": (
        "issuer_mismatch",
        METADATA,
        lambda: as_json({"issuer": "https://other.example", "jwks_uri": f"{ISSUER}/jwks.json"}),
    ),
    "almost the issuer": (
        "issuer_mismatch",
        METADATA,
        lambda: as_json({"issuer": f"{ISSUER}/", "jwks_uri": f"{ISSUER}/jwks.json"}),
    ),
    "no issuer": ("issuer_missing", METADATA, lambda: as_json({"jwks_uri": f"{ISSUER}/jwks.json"})),
    "an issuer that is no text": ("issuer_missing", METADATA, lambda: as_json({"issuer": [ISSUER]})),
    "no address of keys": ("unknown_key", METADATA, lambda: as_json({"issuer": ISSUER})),
    "keys by http": (
        "unknown_key",
        METADATA,
        lambda: as_json({"issuer": ISSUER, "jwks_uri": "http://169.254.169.254/latest"}),
    ),
    "keys inside": (
        "unknown_key",
        METADATA,
        lambda: as_json({"issuer": ISSUER, "jwks_uri": "https://127.0.0.1/keys"}),
    ),
    "a redirect": ("unknown_key", METADATA, lambda: (302, {"Location": "/elsewhere"}, b"")),
    "a huge document": ("unknown_key", METADATA, lambda: as_json({"issuer": ISSUER, "x": "a" * 70_000})),
    "a page": ("unknown_key", METADATA, lambda: (200, {"Content-Type": "text/html"}, b"<html>")),
    "bytes": ("unknown_key", METADATA, lambda: (200, {}, bytes(range(256)))),
    "a list": ("unknown_key", METADATA, lambda: as_json([1])),
    "deep": ("unknown_key", METADATA, lambda: (200, {}, b'{"a":' * 500 + b"1" + b"}" * 500)),
    "nothing": ("unknown_key", METADATA, lambda: (200, {}, b"")),
    "packed": ("unknown_key", METADATA, lambda: (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b")),
    "no keys": ("unknown_key", JWKS, lambda: as_json({})),
    "keys that are none": ("unknown_key", JWKS, lambda: as_json({"keys": [1, None, {"kid": 1}, {}, "x"]})),
    "huge keys": ("unknown_key", JWKS, lambda: as_json({"keys": ["a" * 70_000]})),
}


@pytest.mark.requirement("AA-413")
@pytest.mark.parametrize("name", BAD)
def test_an_issuer_that_cannot_be_used_is_a_401(agent: SignedAgent, server: IssuerServer, name: str) -> None:
    """Never an error of ours, and its next request does not ask again."""
    code, path, answer = BAD[name]
    server.answers[path] = answer

    answers = [agent.acp(SESSIONS, MINIMAL) for _ in range(2)]

    assert [entry.status_code for entry in answers] == [401, 401]
    assert answers[0].headers["Signature-Error"] == f"error={code}"
    assert answers[1].headers["Signature-Error"] == "error=unknown_key"
    assert server.asked.count(METADATA) == 1


@pytest.mark.requirement("AA-413")
def test_a_slow_issuer_is_given_up(
    agent: SignedAgent, server: IssuerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never answers: whoever waits for ever for it hangs here."""
    monkeypatch.setattr(issuers, "SECONDS", 0.3)
    server.held = True

    answer = agent.acp(SESSIONS, MINIMAL)

    assert answer.status_code == 401
    assert answer.headers["Signature-Error"] == "error=unknown_key"


@pytest.mark.requirement("AA-413")
def test_unusable_siblings_do_no_harm(agent: SignedAgent, server: IssuerServer) -> None:
    good = agent.provider.jwks["keys"]
    rsa = {"kid": "rsa", "kty": "RSA", "n": "AQ", "e": "AQAB"}
    server.answers[JWKS] = lambda: as_json({"keys": [rsa, {"kty": "OKP"}, None, *good, {"kid": "x"}]})

    assert agent.acp(SESSIONS, MINIMAL).status_code == 201
    assert [entry["kid"] for entry in Issuer.objects.get().keys] == ["provider-1"]


@pytest.mark.requirement("AA-413")
def test_unknown_keys_are_asked_for_once_a_minute(agent: SignedAgent, server: IssuerServer) -> None:
    """And the issuer's own agents go on meanwhile."""
    agent.acp(SESSIONS, MINIMAL)
    liar = SignedAgent("liar", provider=agent.provider, address="203.0.113.1")

    def lie(number: int) -> int:
        liar.token = liar.provider.token(liar.claims(), kid=f"made-up-{number}")
        return liar.acp(SESSIONS, MINIMAL).status_code

    assert {lie(number) for number in range(20)} == {401}
    assert server.asked.count(METADATA) == 1
    assert agent.acp(SESSIONS, MINIMAL).status_code == 201

    with later(seconds=61):
        agent.renew()
        liar.renew()
        assert {lie(number) for number in range(20, 40)} == {401}
        assert server.asked.count(METADATA) == 2
        assert agent.acp(SESSIONS, MINIMAL).status_code == 201


@pytest.mark.requirement("AA-413")
@pytest.mark.parametrize("kid", ["provider-1", "provider-2"])
def test_a_changed_key_is_fetched(agent: SignedAgent, kid: str) -> None:
    """Under a new name; or, as issuers should not, under the old one."""
    agent.acp(SESSIONS, MINIMAL)

    with later(seconds=61):
        agent.provider.key, agent.provider.kid = signatures.new_key(), kid
        agent.renew()
        assert agent.acp(SESSIONS, MINIMAL).status_code == 201


@pytest.mark.requirement("AA-413")
def test_what_is_a_day_old_is_nothing(agent: SignedAgent, server: IssuerServer) -> None:
    agent.acp(SESSIONS, MINIMAL)
    server.answers[METADATA] = lambda: as_json({}, 500)

    with later(hours=23):
        forgotten()
        agent.renew()
        assert agent.acp(SESSIONS, MINIMAL).status_code == 201
    with later(hours=25):
        forgotten()
        agent.renew()
        answer = agent.acp(SESSIONS, MINIMAL)
        assert answer.headers["Signature-Error"] == "error=unknown_key"
        assert issuers.purge() == 0  # it was tried just now
    with later(hours=50):
        assert issuers.purge() == 1


@pytest.mark.requirement("AA-414")
@pytest.mark.parametrize(
    "name",
    [
        "http://agents.example",
        "https://agents.example/",
        "https://agents.example:443",
        "https://Agents.example",
        "https://agents.example/a",
        "https://agents.example?x",
        "https://user@agents.example",
        "https://127.0.0.1",
        "https://2130706433",
        "https://[::1]",
        "https://agents.example.",
        "https://",
        "agents.example",
        "",
        None,
        "https://" + "a" * 300 + ".example",
    ],
)
def test_what_is_no_name_of_an_issuer_is_never_asked(db: None, name: Any) -> None:
    assert not issuers.is_identifier(name)
    with pytest.raises(NoKey):
        issuers.key(name, AGENT, "kid")
    assert not Issuer.objects.exists()


@pytest.mark.requirement("AA-413")
def test_inside_the_network_nobody_is_asked(shop: None, caplog: pytest.LogCaptureFixture) -> None:
    """A name that leads to this machine is refused by the guard, unless the demo's settings lead there."""
    agent = SignedAgent(provider=Provider("https://localhost"))
    with override_settings(AGENTIC_GATEWAY=agent.configured(AAUTH_ISSUERS={})):
        answer = agent.acp(SESSIONS, MINIMAL)

    assert answer.headers["Signature-Error"] == "error=unknown_key"


@pytest.mark.requirement("AA-414")
def test_outside_the_demo_no_name_leads_to_this_machine(agent: SignedAgent, server: IssuerServer) -> None:
    changed = agent.configured(AAUTH_ISSUERS=server.mapped(), DEMO=False)
    with override_settings(AGENTIC_GATEWAY=changed), pytest.raises(NoKey):
        issuers.key(ISSUER, AGENT, "provider-1")

    assert server.asked == []


def test_nobody_is_asked_with_a_transaction_open(agent: SignedAgent) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        issuers.key(ISSUER, AGENT, "provider-1")


def test_made_up_issuers_are_not_all_asked(shop: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuers, "FETCHES_A_MINUTE", 2)
    asked: list[str] = []

    def ask(url: str, **_: Any) -> dict[str, Any]:
        asked.append(url)
        raise NoKey

    monkeypatch.setattr(issuers, "ask", ask)
    for number in range(5):
        with pytest.raises(NoKey):
            issuers.key(f"https://agents-{number}.example", AGENT, "kid")

    assert len(asked) == 2


def test_what_an_issuer_says_of_itself_is_kept_as_far_as_it_is_needed(
    agent: SignedAgent, server: IssuerServer
) -> None:
    told = {
        **agent.provider.metadata,
        "callback_endpoint": f"{ISSUER}/callback",
        "localhost_callback_allowed": True,
        "name": ["no", "text"],
        "logo_uri": "x" * 3000,
        "surprise": "x",
    }
    server.answers[METADATA] = lambda: as_json(told)

    assert issuers.known_metadata(ISSUER, AGENT) == {}
    kept = issuers.metadata(ISSUER, AGENT)

    assert set(kept) == {"issuer", "jwks_uri", "callback_endpoint", "localhost_callback_allowed"}
    assert issuers.known_metadata(ISSUER, AGENT) == kept
    assert issuers.transport(f"{ISSUER}/callback") == f"{server.origin}/callback"
    assert json.loads(json.dumps(Issuer.objects.get().metadata)) == kept


# Several at once ---------------------------------------------------------------------------


def crowd(count: int, server: IssuerServer) -> list[str]:
    """So many processes want the same key at once; what each came to."""
    results: list[str] = []
    start = threading.Barrier(count)

    def look() -> None:
        try:
            start.wait()
            try:
                results.append(issuers.key(ISSUER, AGENT, "provider-1")["kid"])
            except NoKey as problem:
                results.append(problem.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.services
@pytest.mark.requirement("AA-413")
def test_of_a_crowd_one_asks_and_the_others_wait_for_it(
    agent: SignedAgent, server: IssuerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "SECONDS", 9.0)
    monkeypatch.setattr(issuers, "_waiting", threading.BoundedSemaphore(8))

    assert crowd(8, server) == ["provider-1"] * 8
    assert server.asked.count(METADATA) == 1


@pytest.mark.services
def test_without_the_turn_all_of_a_crowd_would_ask(
    agent: SignedAgent, server: IssuerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control."""
    monkeypatch.setattr(issuers, "_our_turn", lambda *_: True)

    crowd(8, server)

    assert server.asked.count(METADATA) > 1
