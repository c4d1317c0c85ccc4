"""Who signed a request, over HTTP: requirement 1e; decisions 29, 30; reliability-security T54."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client

from checkout.models import CheckoutSession
from gateway import identities
from gateway.aauth import misses, signatures
from gateway.aauth.authenticating import capabilities
from gateway.models import Agent, IdempotentRequest
from gateway.pending_models import UsedSignature
from tests.aauth.agents import ACP, Provider, SignedAgent
from tests.acp.test_statements import statements
from tests.agents import MINIMAL, PlayedAgent
from tests.visitors import BASE as INTERACTION

SESSIONS = "/checkout_sessions"
PENDING = "/agentic/aauth/pending/nothing"


def refused(answer: HttpResponse, code: str) -> None:
    """401 with `code` in the header that decides, and in the body's own dialect; nothing was done."""
    assert answer.status_code == 401, (answer.status_code, answer.content)
    assert answer.headers["Signature-Error"].partition(",")[0] == f"error={code}", answer.headers
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Cache-Control"] == "no-store"
    assert not CheckoutSession.objects.exists()
    assert not IdempotentRequest.objects.exists()


# Who is let in -----------------------------------------------------------------------------


@pytest.mark.requirement("AA-400", "AA-405", "AA-411")
@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_a_signature_takes_the_place_of_a_key(signer: SignedAgent, alg: str) -> None:
    signer.renew(alg)

    answer = signer.acp(SESSIONS, MINIMAL)

    assert answer.status_code == 201, answer.content
    assert "AAuth-Requirement" not in answer.headers
    session = CheckoutSession.objects.get()
    assert session.owner == signer.owner
    assert signer.acp(f"{SESSIONS}/{session.pk}").status_code == 200


def test_every_call_of_acp_is_open_to_it(signer: SignedAgent) -> None:
    session = signer.acp(SESSIONS, MINIMAL).json()
    path = f"{SESSIONS}/{session['id']}"

    assert signer.acp(path, {"buyer": {"email": "ada@example.com"}}).status_code == 200
    assert signer.acp(f"{path}/cancel", b"", method="POST").status_code == 200
    cart = signer.acp("/carts", {"line_items": MINIMAL["line_items"]})
    assert cart.status_code == 201, cart.content
    assert signer.acp(f"/carts/{cart.json()['id']}").status_code == 200


def test_a_session_belongs_to_its_agent_and_to_nobody_else(signer: SignedAgent) -> None:
    path = f"{SESSIONS}/{signer.acp(SESSIONS, MINIMAL).json()['id']}"
    other = SignedAgent("other", provider=signer.provider)

    unknown = other.acp(f"{SESSIONS}/cs_0000000000000000000000")

    assert other.acp(path).status_code == 404
    assert other.acp(path).content == unknown.content
    assert PlayedAgent().get(path).status_code == 404


def test_the_same_agent_comes_again_with_another_key(signer: SignedAgent) -> None:
    """Its sessions are its own, whatever key its provider gave it meanwhile (AA-021)."""
    path = f"{SESSIONS}/{signer.acp(SESSIONS, MINIMAL).json()['id']}"

    signer.renew("ES256")

    assert signer.acp(path).status_code == 200
    assert Agent.objects.filter(issuer=signer.provider.issuer).count() == 1


@pytest.mark.requirement("AA-417")
def test_signatures_mean_nothing_while_it_is_off(signer: SignedAgent) -> None:
    off = signer.configured(AAUTH=False)
    with signer_settings(off):
        unsigned = signer.acp(SESSIONS, MINIMAL)
        by_key = signer.raw(
            "GET",
            ACP + f"{SESSIONS}/cs_0000000000000000000000",
            b"",
            {"Authorization": "Bearer demo-agent-key", "API-Version": "2026-04-17", "Signature-Input": "x"},
        )

    assert unsigned.status_code == 401
    assert "Signature-Error" not in unsigned.headers
    assert "AAuth-Requirement" not in unsigned.headers
    assert by_key.status_code == 404


def signer_settings(changed: dict[str, Any]) -> Any:
    from django.test import override_settings

    return override_settings(AGENTIC_GATEWAY=changed)


@pytest.mark.requirement("AA-417")
def test_a_signature_without_signature_input_is_that_of_acp(signer: SignedAgent) -> None:
    """And an agent that must sign as ACP says does not get by with another's kind of signature."""
    Agent.objects.filter(name="Demo agent").update(signature_policy="required")
    header = {"Authorization": "Bearer demo-agent-key", "API-Version": "2026-04-17"}
    get = ("GET", ACP + f"{SESSIONS}/cs_0000000000000000000000", b"")

    own = signer.raw(*get, {**header, "Signature": "c2ln", "Timestamp": "2026-04-17T10:00:00Z"})
    both = signer.raw(*get, {**header, "Signature": "sig=:c2ln:", "Signature-Input": 'sig=("@method")'})

    assert (own.status_code, own.json()["code"]) == (401, "invalid_signature")
    assert "Signature-Error" not in own.headers
    refused(both, "invalid_request")


# Who is not --------------------------------------------------------------------------------


@pytest.mark.requirement("AA-410")
@pytest.mark.parametrize("path", [ACP + f"{SESSIONS}/cs_0000000000000000000000", INTERACTION + "/cart"])
def test_without_any_credential_both_are_asked_for(signer: SignedAgent, path: str) -> None:
    answer = Client().get(path, headers={"API-Version": "2026-04-17"})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["AAuth-Requirement"] == "requirement=agent-token"
    assert "Signature-Error" not in answer.headers


@pytest.mark.requirement("AA-410")
def test_the_pending_url_asks_for_a_signature(signer: SignedAgent) -> None:
    answer = Client().get(PENDING, headers={"Authorization": "Bearer demo-agent-key"})

    assert answer.status_code == 401
    assert answer.headers["AAuth-Requirement"] == "requirement=agent-token"
    assert answer.headers["Signature-Error"] == "error=invalid_signature"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["error"] == "invalid_signature"


Spoil = Callable[[SignedAgent], dict[str, Any]]
"""What is changed about the agent, or handed to `send`."""


def another_key(agent: SignedAgent) -> dict[str, Any]:
    agent.token = agent.token  # names the key of before
    agent.key = signatures.new_key()
    return {}


def with_claims(**changed: Any) -> Spoil:
    def spoil(agent: SignedAgent) -> dict[str, Any]:
        agent.token = agent.provider.token(agent.claims(**changed))
        return {}

    return spoil


def with_header(**changed: Any) -> Spoil:
    def spoil(agent: SignedAgent) -> dict[str, Any]:
        agent.token = agent.provider.token(agent.claims(), **changed)
        return {}

    return spoil


def stranger(agent: SignedAgent) -> dict[str, Any]:
    """Somebody else signs in the name of the pinned issuer."""
    agent.token = Provider().token(agent.claims())
    return {}


WRONG: dict[str, tuple[str, Spoil]] = {
    "another key": ("invalid_signature", another_key),
    "too old": ("invalid_signature", lambda _: {"created": int(time.time()) - 90}),
    "ahead": ("clock_skew", lambda _: {"created": int(time.time()) + 90}),
    "over": ("invalid_signature", lambda _: {"expires": int(time.time()) - 1}),
    "another shop": ("invalid_signature", lambda _: {"authority": "shop.example"}),
    "another scheme": ("unsupported_scheme", lambda _: {"signature_key": 'x509;x5u="https://a.example"'}),
    "expired": ("expired_jwt", with_claims(exp=int(time.time()) - 5)),
    "person's token": ("invalid_jwt", with_header(typ="aa-person+jwt")),
    "auth token": ("invalid_jwt", with_header(typ="aa-auth+jwt")),
    "no type": ("invalid_jwt", with_header(typ=None)),
    "no algorithm": ("invalid_jwt", with_header(alg="none")),
    "hmac": ("invalid_jwt", with_header(alg="HS256")),
    "unknown kid": ("unknown_key", with_header(kid="provider-2")),
    "another's name": ("invalid_jwt", with_claims(sub="aauth:shopper@other.example")),
    "no subject": ("invalid_jwt", with_claims(sub=None)),
    "no key": ("invalid_jwt", with_claims(cnf=None)),
    "issuer with a port": ("invalid_jwt", with_claims(iss="https://agents.example:8443")),
    "issuer by http": ("invalid_jwt", with_claims(iss="http://agents.example")),
    "long name": ("invalid_jwt", with_claims(sub=f"aauth:{'a' * 130}@agents.example")),
    "a stranger's": ("invalid_jwt", stranger),
}


@pytest.mark.requirement("AA-403", "AA-405", "AA-407", "AA-408", "AA-411", "AA-412", "AA-414")
@pytest.mark.parametrize("dialect", ["acp", "interaction", "pending"])
@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_verify_is_refused(signer: SignedAgent, name: str, dialect: str) -> None:
    code, spoil = WRONG[name]
    options = spoil(signer)
    paths = {"acp": ACP + SESSIONS, "interaction": INTERACTION + "/cart", "pending": PENDING}
    headers = {"API-Version": "2026-04-17", "Idempotency-Key": uuid.uuid4().hex}

    answer = signer.send("POST", paths[dialect], MINIMAL, headers, **options)

    refused(answer, code)
    assert not Agent.objects.filter(issuer=signer.provider.issuer).exists()
    assert not UsedSignature.objects.exists()
    body = answer.json()
    if dialect == "acp":
        assert (body["type"], body["code"]) == ("invalid_request", code)
    elif dialect == "interaction":
        assert set(body) == {"ok", "error"}
    else:
        assert body["type"] == f"urn:ietf:params:sig-error:{code}"
        assert body["error"] == code
    assert signer.token not in answer.content.decode()
    assert ("Accept-Signature-Scheme" in answer.headers) == (code == "unsupported_scheme")


@pytest.mark.requirement("AA-409")
@pytest.mark.parametrize("path", [ACP + SESSIONS, INTERACTION + "/cart", PENDING])
def test_another_body_than_the_signed_one_is_refused(signer: SignedAgent, path: str) -> None:
    """The digest is computed over the bytes that came: one blank more is another body."""
    sent = json.dumps(MINIMAL).encode() + b" "

    refused(signer.send("POST", path, MINIMAL, {"API-Version": "2026-04-17"}, sent=sent), "invalid_signature")


@pytest.mark.requirement("AA-401", "AA-115")
@pytest.mark.parametrize("path", [ACP + SESSIONS, INTERACTION + "/cart", PENDING])
def test_a_body_that_is_not_covered_is_refused(signer: SignedAgent, path: str) -> None:
    signed = signer.signed("POST", path)
    body = json.dumps(MINIMAL).encode()

    answer = signer.raw("POST", path, body, {**signed, "Content-Type": "application/json"})

    refused(answer, "invalid_input")
    assert '"content-digest" "content-type"' in answer.headers["Signature-Error"]


@pytest.mark.requirement("AA-408")
def test_the_host_header_decides_nothing(signer: SignedAgent) -> None:
    signed = signer.signed("GET", ACP + "/carts/cart_1", headers={"API-Version": "2026-04-17"})

    elsewhere = signer.raw("GET", ACP + "/carts/cart_1", b"", {**signed, "Host": "127.0.0.1"})
    lured = signer.send("GET", ACP + "/carts/cart_1", None, {"Host": "127.0.0.1"}, authority="127.0.0.1")

    assert elsewhere.status_code == 404
    refused(lured, "invalid_signature")


@pytest.mark.requirement("AA-417")
@pytest.mark.parametrize(
    "more",
    [
        {"Authorization": "Bearer demo-agent-key"},
        {"Authorization": "AAuth abc"},
        {"X-Agent-Session": "tok_1"},
    ],
)
def test_a_second_credential_is_refused(signer: SignedAgent, more: dict[str, str]) -> None:
    refused(signer.acp(SESSIONS, MINIMAL, **more), "invalid_request")


def test_a_header_cut_off_or_made_up_is_refused(signer: SignedAgent) -> None:
    path = ACP + f"{SESSIONS}/cs_0000000000000000000000"
    signed = signer.signed("GET", path)
    for name in ("Signature", "Signature-Key", "Signature-Input"):
        for broken in ("", "x", 'sig=("', "sig=:!:", "a" * 20_000, "sig=?1", "é"):
            answer = signer.raw("GET", path, b"", {**signed, name: broken})
            assert answer.status_code == 401, (name, broken[:10], answer.content)
            misses.forget()
            from gateway import windows

            windows.forget()


# Verified and refused ----------------------------------------------------------------------


@pytest.mark.requirement("AA-030", "AA-410")
@pytest.mark.parametrize("dialect", ["acp", "interaction", "pending"])
def test_an_agent_that_was_switched_off_is_told_so(signer: SignedAgent, dialect: str) -> None:
    paths = {"acp": ACP + SESSIONS, "interaction": INTERACTION + "/cart", "pending": PENDING}
    signer.get(paths["pending"])
    Agent.objects.filter(issuer=signer.provider.issuer).update(active=False)

    answer = signer.send("POST", paths[dialect], MINIMAL, {"API-Version": "2026-04-17"})

    assert answer.status_code == 403, answer.content
    assert not {"Signature-Error", "Accept-Signature-Scheme", "AAuth-Requirement"} & set(answer.headers)
    assert not CheckoutSession.objects.exists()


@pytest.mark.parametrize(
    ("what", "look", "write"), [("buy", 404, 201), ("browse", 404, 403), ("refuse", 403, 403)]
)
def test_what_an_unknown_agent_may_do_is_a_setting(
    signer: SignedAgent, what: str, look: int, write: int
) -> None:
    with signer_settings(signer.configured(AAUTH_UNKNOWN_AGENTS=what)):
        looked = signer.acp(f"{SESSIONS}/cs_0000000000000000000000")
        wrote = signer.acp(SESSIONS, MINIMAL)
        Agent.objects.update(known=True)
        known = signer.acp(SESSIONS, MINIMAL)

    assert (looked.status_code, wrote.status_code, known.status_code) == (look, write, 201)


# What is kept of it ------------------------------------------------------------------------


def test_the_first_contact_enrols_an_unknown_agent(signer: SignedAgent) -> None:
    signer.acp(SESSIONS, MINIMAL)

    agent = Agent.objects.get(issuer=signer.provider.issuer)
    assert (agent.name, agent.identity, agent.known) == ("shopper@agents.example", signer.sub, False)
    assert agent.owner == signer.owner
    assert agent.seen_at is not None
    assert agent.last_key == signer.thumbprint


def test_a_name_that_is_taken_gets_a_mark(signer: SignedAgent) -> None:
    Agent.objects.create(name="shopper@agents.example")

    signer.acp(SESSIONS, MINIMAL)

    name = Agent.objects.get(issuer=signer.provider.issuer).name
    assert name.startswith("shopper@agents.example ")


def test_what_is_noted_costs_no_write_on_every_request(signer: SignedAgent) -> None:
    path = f"{SESSIONS}/{signer.acp(SESSIONS, MINIMAL).json()['id']}"

    spent = statements(lambda: signer.acp(path))

    assert len(spent) == 2, spent
    with time_machine.travel(time.time() + 70, tick=True):
        signer.token = ""
        before = Agent.objects.get(issuer=signer.provider.issuer).seen_at
        # It is noted, and whether the new token was revoked is looked up once (AA-416).
        assert len(statements(lambda: signer.acp(path))) == 4
        assert Agent.objects.get(issuer=signer.provider.issuer).seen_at > before


def test_a_signed_write_costs_one_statement_more(signer: SignedAgent) -> None:
    """The signature is used up; create costs six with a key. Whoever may be asked something costs a look."""
    signer.capabilities = ()
    signer.acp(SESSIONS, MINIMAL)

    spent = statements(lambda: signer.acp(SESSIONS, MINIMAL))

    assert len(spent) == 7, spent


@pytest.mark.requirement("AA-011")
@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("interaction, clarification", {"interaction", "clarification"}),
        ("interaction;q=1, payment, later", {"interaction", "payment", "later"}),
        ("", set()),
        ('interaction, "clarification"', set()),
        ("interaction,,clarification", set()),
        ("interaction clarification", set()),
        ("interaction, 1", set()),
        ("(interaction)", set()),
        ("é", set()),
        ("interaction, " * 100, set()),
    ],
)
def test_a_malformed_list_of_capabilities_names_none(header: str, expected: set[str]) -> None:
    assert capabilities(header) == expected


# Without end -------------------------------------------------------------------------------


def test_an_address_that_sends_what_verifies_nothing_is_held_back(
    signer: SignedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And an agent that was verified before goes on from there."""
    monkeypatch.setattr(misses, "PER_MINUTE", 3)
    path = f"{SESSIONS}/{signer.acp(SESSIONS, MINIMAL).json()['id']}"
    liar = SignedAgent("liar", provider=Provider(), address=signer.address)

    answers = [liar.acp(SESSIONS, MINIMAL).status_code for _ in range(5)]

    assert answers == [401, 401, 401, 429, 429]
    assert int(liar.acp(SESSIONS, MINIMAL).headers["Retry-After"]) >= 1
    assert signer.acp(path).status_code == 200
    elsewhere = SignedAgent("second", provider=signer.provider, address="203.0.113.9")
    assert elsewhere.acp(SESSIONS, MINIMAL).status_code == 201


def test_an_issuer_cannot_fill_the_list_of_agents(
    signer: SignedAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.aauth import enrolment

    monkeypatch.setattr(enrolment, "ENROLLED_A_MINUTE", 2)

    answers = [
        SignedAgent(f"agent-{number}", provider=signer.provider).acp(SESSIONS, MINIMAL).status_code
        for number in range(4)
    ]

    assert answers == [201, 201, 429, 429]
    assert Agent.objects.filter(issuer=signer.provider.issuer).count() == 2


def test_identities_are_found_by_the_request(signer: SignedAgent) -> None:
    assert identities.of(Client().get("/healthz").wsgi_request) is None
