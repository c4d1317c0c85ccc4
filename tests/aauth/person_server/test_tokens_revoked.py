"""Tokens that count no more: others tell us, and we tell others (AA-416)."""

from __future__ import annotations

import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from gateway import agents, bindings, delivery, grants, windows
from gateway.aauth import issuers, signatures, vouching
from gateway.aauth.person_server import issuing, keys, revocation_views, revoking, telling
from gateway.aauth.problems import Problem
from gateway.grants import Wanted
from gateway.models import OutboxMessage
from gateway.person_models import Grant, IssuedToken, RevokedToken
from interventions.http import NoReply, Reply
from tests.aauth.agents import SHOP, Provider
from tests.aauth.person_server.desk import (
    ELSEWHERE,
    PERSON,
    REVOKE,
    US,
    Desk,
    claims_of,
    problem,
    record_of,
)
from tests.visitors import configured

pytestmark = pytest.mark.requirement("AA-416")


def revoke(
    by: Provider, body: Any = None, *, dwk: str = "aauth-resource.json", **changed: Any
) -> HttpResponse:
    """`by` signs as itself."""
    told = {"jti": uuid.uuid4().hex, "exp": int(time.time()) + 300} if body is None else body
    sent = told if isinstance(told, bytes) else json.dumps(told).encode()
    message = signatures.Message(
        method="POST",
        authority=SHOP,
        path=REVOKE,
        headers={"content-type": "application/json"},
        body=sent,
    )
    named = signatures.by_jwks_uri(by.issuer, dwk, by.kid)
    headers = signatures.sign(message, by.key, **{"signature_key": named, **changed})
    return Client(raise_request_exception=False).generic(
        "POST", REVOKE, sent, content_type="application/json", headers=headers
    )


def test_an_issuer_takes_its_own_token_back_and_no_others(desk: Desk) -> None:
    told = {"jti": "one", "exp": int(time.time()) + 300}
    for _ in range(2):
        windows.forget()
        answer = revoke(desk.resource, told, created=int(time.time()) - RevokedToken.objects.count())
        assert (answer.status_code, answer.content) == (200, b"")
        assert "Content-Type" not in answer.headers

    [row] = RevokedToken.objects.all()
    assert (row.issuer, row.jti, row.expires_at.timestamp()) == (ELSEWHERE, "one", told["exp"])
    assert revoking.is_revoked(ELSEWHERE, "one")
    assert not revoking.is_revoked(desk.agent.provider.issuer, "one")
    assert not revoking.is_revoked(US, "one")
    assert not revoking.is_revoked(ELSEWHERE, "two")


def test_a_request_that_is_not_in_order_names_its_member(desk: Desk) -> None:
    exp = int(time.time()) + 300
    for member, told in (
        ("jti", {"exp": exp}),
        ("jti", {"jti": 5, "exp": exp}),
        ("jti", {"jti": "", "exp": exp}),
        ("jti", {"jti": "x" * 201, "exp": exp}),
        ("exp", {"jti": "x"}),
        ("exp", {"jti": "x", "exp": "soon"}),
        ("exp", {"jti": "x", "exp": True}),
        ("exp", {"jti": "x", "exp": -1}),
        ("exp", {"jti": "x", "exp": exp + 32 * 24 * 3600}),
    ):
        answer = revoke(desk.resource, told)
        assert problem(answer) == (400, "invalid_request"), told
        assert json.loads(answer.content)["detail"].startswith(member)
    for junk in (b"{", b"[]"):
        assert problem(revoke(desk.resource, junk)) == (400, "invalid_request")
    assert not RevokedToken.objects.exists()


def test_who_does_not_sign_as_itself_is_nobody(desk: Desk) -> None:
    stranger = Provider(ELSEWHERE, kid="resource-1")
    for answer, error in (
        (revoke(stranger), "invalid_signature"),
        (revoke(Provider(ELSEWHERE, kid="resource-2")), "unknown_key"),
        (revoke(desk.resource, dwk="passwd.json"), "unknown_key"),
        (revoke(desk.resource, signature_key=signatures.by_jwt(desk.agent.token)), "unsupported_scheme"),
        (desk.ask(REVOKE, {"jti": "x", "exp": 1}), "unsupported_scheme"),
        (Client().post(REVOKE, {"jti": "x"}, content_type="application/json"), "invalid_signature"),
    ):
        assert answer.status_code == 401
        assert answer.headers["Signature-Error"] == f"error={error}"
    refused = desk.ask(REVOKE, {"jti": "x", "exp": 1})
    assert refused.headers["Accept-Signature-Scheme"] == "jwks_uri"
    with configured(AAUTH_WORDING="draft-11"):
        assert revoke(desk.resource).status_code == 200
    with configured(AAUTH_KEYS=""):
        assert revoke(desk.resource).status_code == 404


def test_only_issuers_whose_tokens_count_are_heard(desk: Desk) -> None:
    unheard = Provider("https://unheard.example")
    assert revoke(unheard).status_code == 401  # nobody finds its keys
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(issuers, "key", lambda *named: unheard.jwks["keys"][0])
        assert problem(revoke(unheard)) == (403, "unsupported_iss")
        desk.granted(audience="https://unheard.example")
        windows.forget()
        assert revoke(unheard).status_code == 200


def test_one_issuer_cannot_fill_the_table(desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setattr(revocation_views, "MOST", 2)
    answers = [revoke(desk.resource) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem(answers[-1]) == (429, "rate_limited")
    assert int(answers[-1].headers["Retry-After"]) > 0
    monkeypatch.setattr(revocation_views, "PER_MINUTE", 1)
    windows.forget()
    answers = [revoke(desk.agent.provider, dwk="aauth-agent.json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]


def test_with_an_agent_token_go_all_that_we_gave_to_the_agent(desk: Desk) -> None:
    first = desk.agent.token
    desk.granted(Grant.AUTH_TOKEN, presented={"agent_token": claims_of(first)["jti"]})
    given = [desk.shown(), desk.shown(audience="https://third.example")]
    others = desk.shown(owner="aauth:https://agents.example|aauth:other@agents.example")
    told = {"jti": claims_of(first)["jti"], "exp": claims_of(first)["exp"]}

    assert revoke(desk.resource, told).status_code == 200  # not the resource's to revoke
    assert record_of(given[0]).revoked_at is None
    assert revoke(desk.agent.provider, told, dwk="aauth-agent.json").status_code == 200
    assert all(record_of(token).revoked_at for token in given)
    assert all(revoking.is_revoked(US, claims_of(token)["jti"]) for token in given)
    assert record_of(others).revoked_at is None
    assert desk.ask(PERSON, {"resource": ELSEWHERE}).headers["Signature-Error"] == "error=revoked_jwt"


def test_what_was_revoked_while_the_person_thought_about_it_leads_to_nothing(desk: Desk) -> None:
    shown = desk.shown()
    later = timezone.now() + timedelta(hours=1)
    owner = desk.agent.provider.issuer
    for member, undo in (
        ("jti", lambda: revoking.revoke(record_of(shown))),
        ("resource_token", lambda: revoking.record(ELSEWHERE, "one", later)),
        ("agent_token", lambda: revoking.record(owner, "one", later)),
    ):
        jti = claims_of(shown)["jti"] if member == "jti" else "one"
        given, waiting = (desk.granted(Grant.AUTH_TOKEN, presented={member: jti}) for _ in range(2))
        before = issuing.body_of(given)
        undo()
        with pytest.raises(Problem) as refused:
            issuing.body_of(waiting)
        assert (refused.value.status, refused.value.code) == (403, "revoked"), member
        assert before["auth_token"]
    assert not IssuedToken.objects.filter(grant=waiting).exists()


# Our own ---------------------------------------------------------------------------------------


def test_a_token_of_ours_is_taken_back_once(desk: Desk) -> None:
    grant = desk.granted(Grant.AUTH_TOKEN)
    issuing.body_of(grant)
    row = IssuedToken.objects.get()

    assert not revoking.is_revoked(US, row.pk)
    assert revoking.revoke(row)
    assert not revoking.revoke(row)
    assert revoking.is_revoked(US, row.pk)
    assert revoking.of_grant(grant) == 0


class Told:
    """In place of the web."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, str, Any, bytes]] = []

    def request(self, method: str, url: str, *, headers: Any = None, body: Any = b"", **_: Any) -> Reply:
        self.sent.append((method, url, headers, body))
        status = self.answers.pop(0)
        if not status:
            raise NoReply
        return Reply(status, {}, b"")


def pinned(desk: Desk, **metadata: Any) -> Any:
    entry = {"metadata": {**desk.resource.metadata, **metadata}, "keys": desk.resource.jwks["keys"]}
    return configured(AAUTH_ISSUERS={**desk.agent.provider.pinned(), ELSEWHERE: entry})


def test_the_resource_learns_of_it_by_an_effect(desk: Desk, monkeypatch: Any) -> None:
    told = Told(200)
    monkeypatch.setattr(telling, "egress", lambda: told)
    grant, ours = desk.granted(), desk.granted(audience=US)
    token = issuing.body_of(grant)["person_token"]
    issuing.body_of(ours)
    with pinned(desk, revocation_endpoint=f"{ELSEWHERE}/revoke"):
        revoking.of_grant(grant)
        revoking.of_grant(ours)
        assert OutboxMessage.objects.filter(kind=revoking.TELL).count() == 1
        assert not told.sent
        delivery.deliver_due()

    [(method, url, headers, body)] = told.sent
    assert (method, url) == ("POST", f"{ELSEWHERE}/revoke")
    assert json.loads(body) == {"jti": claims_of(token)["jti"], "exp": claims_of(token)["exp"]}
    message = signatures.Message(
        method="POST",
        authority="resource.example",
        path="/revoke",
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
    )
    signed = signatures.read(message, schemes=("jwks_uri",))
    assert signed.parameters["id"] == US
    assert signed.parameters["dwk"] == "aauth-person.json"
    assert {"content-digest", "content-type"} <= set(signed.covered)
    [own] = keys.jwks()["keys"]
    assert signed.parameters["kid"] == own["kid"]
    signatures.verify(signed, message, own)


def test_what_cannot_be_told_now_is_told_later_and_what_never_can_is_not(
    desk: Desk, monkeypatch: Any
) -> None:
    told = Told(503, 0, 403)
    monkeypatch.setattr(telling, "egress", lambda: told)
    jti = claims_of(desk.shown())["jti"]
    for url in ("", "http://resource.example/revoke", f"{ELSEWHERE}/revoke?x=1", "https://"):
        with pinned(desk, revocation_endpoint=url):
            telling.tell({"jti": jti})
    assert not told.sent
    with pinned(desk, revocation_endpoint=f"{ELSEWHERE}/revoke"):
        with pytest.raises(telling.NotTold):
            telling.tell({"jti": jti})
        with pytest.raises(NoReply):
            telling.tell({"jti": jti})
        telling.tell({"jti": jti})  # it does not want to know
        IssuedToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        telling.tell({"jti": jti})
        telling.tell({"jti": "gone"})
    assert len(told.sent) == 3


def test_what_is_taken_back_while_its_token_is_made_gives_none(desk: Desk) -> None:
    """Whoever read the grant a moment before finds it as it is now."""
    read_before = desk.granted()
    wanted = Wanted(desk.agent.owner, Grant.PERSON_TOKEN, ELSEWHERE, key=read_before.key)
    assert grants.revoke(Grant.objects.get(pk=read_before.pk), desk.person)
    for made in (lambda: issuing.body_of(read_before), lambda: issuing.again(read_before, wanted)):
        with pytest.raises(Problem) as refused:
            made()
        assert (refused.value.status, refused.value.code) == (403, "revoked")
    assert not IssuedToken.objects.exists()


def test_an_agent_that_was_removed_gets_no_token_whatever_was_granted(desk: Desk) -> None:
    grant = desk.granted()
    bindings.revoke(desk.agent.owner, desk.person)  # as when both happen at once
    with pytest.raises(Problem) as refused:
        issuing.body_of(grant)
    assert (refused.value.status, refused.value.code) == (403, "revoked")


def test_a_revoked_agent_token_neither_shops_nor_comes_for_what_was_granted(desk: Desk) -> None:
    assert desk.agent.get("/agentic/aauth/pending/x").status_code == 404  # remembered from now on
    jti = claims_of(desk.agent.token)["jti"]
    revoking.record(desk.agent.provider.issuer, jti, timezone.now() + timedelta(hours=1))
    vouching.forget_revocations()
    for path in ("/agentic/aauth/pending/x", "/agentic/acp/checkout_sessions/cs_x"):
        answer = desk.agent.get(path)
        assert answer.status_code == 401, answer.content
        assert answer.headers["Signature-Error"] == "error=revoked_jwt"
    desk.agent.renew()
    assert desk.agent.get("/agentic/aauth/pending/x").status_code == 404


def test_with_an_agent_token_go_those_that_were_given_without_asking_again(desk: Desk) -> None:
    desk.granted(presented={"agent_token": "the first"})
    given = []
    for _ in range(3):
        desk.agent.renew()
        answer = desk.ask(PERSON, {"resource": ELSEWHERE})
        given.append((claims_of(desk.agent.token), json.loads(answer.content)["person_token"]))

    asked_with, token = given[1]
    told = {"jti": asked_with["jti"], "exp": asked_with["exp"]}
    assert revoke(desk.agent.provider, told, dwk="aauth-agent.json").status_code == 200
    assert record_of(token).revoked_at is not None


def test_with_an_agent_that_is_blocked_go_its_tokens_and_resources_are_told(desk: Desk) -> None:
    token = desk.shown()
    others = desk.shown(owner="aauth:https://agents.example|aauth:other@agents.example")
    desk.ask(PERSON, {"resource": ELSEWHERE})
    row = agents.of_owner(desk.agent.owner)
    assert row is not None

    assert agents.block(row)
    assert not agents.block(row)

    assert record_of(token).revoked_at is not None
    assert record_of(others).revoked_at is None
    told = [message.payload["jti"] for message in OutboxMessage.objects.filter(kind=revoking.TELL)]
    assert claims_of(token)["jti"] in told
