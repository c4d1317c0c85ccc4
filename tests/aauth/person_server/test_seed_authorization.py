"""The walkthrough of an authorization with clarification chat, step by step, in every wording: a resource
asks for a token, the person's server asks the person and the agent meanwhile, and the resource opens."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse

from gateway import bindings, grants
from gateway.aauth import codes
from gateway.pending_models import PendingRequest
from gateway.person_models import Grant
from interventions import clarifications
from interventions.errors import NobodyAnswers
from interventions.models import Clarification
from tests.aauth.agents import Provider
from tests.aauth.person_server.accounts import (
    ACCOUNT,
    US,
    OwnAgent,
    having_accounts,
    resource_text,
    someone,
)
from tests.aauth.persons import Arriving, body

PERSON_TOKEN = "/agentic/aauth/person/person-token"
AUTH_TOKEN = "/agentic/aauth/person/auth-token"
OLDER_TOKEN = "/agentic/aauth/person/token"
QUESTION = "Why do you need access to my calendar?"
ANSWER = "This agent only requests access to fulfill the current task and uses the minimum required scope."
OLDER_WORDINGS = ("dual", "seed")


class SupplyChain(Provider):
    """A server that is an agent itself, and says in its metadata what older texts had there."""

    def __init__(self, answers: bool) -> None:
        super().__init__("https://agent.supply-chain.com", kid="key-1")
        self.answers = answers

    @property
    def metadata(self) -> dict[str, Any]:
        return {**super().metadata, "clarification_supported": self.answers}


class Walker(OwnAgent):
    """Sends what the walkthrough prints: four components, a signature in base64url, an older Signature-Key,
    and in `seed` a body that nothing covers."""

    def __init__(self, wording: str, answers: bool) -> None:
        provider = SupplyChain(answers)
        super().__init__(person_server="", provider=provider, capabilities=(), AAUTH_WORDING=wording)
        self.key = provider.key
        self.covers_bodies = wording != "seed"
        self.sent = 0

    def send(self, method: str, path: str, body: Any = None, headers: Any = None, **options: Any) -> Any:
        self.sent += 1  # two requests of one second would be one signature
        told = {"created": int(time.time()) - self.sent, "signature_key": self.by_its_name, **options}
        return super().send(method, path, body, headers, **told)

    def signed(self, method: str, path: str, body: bytes = b"", *args: Any, **options: Any) -> dict[str, str]:
        headers = super().signed(method, path, body if self.covers_bodies else b"", *args, **options)
        if body:
            headers["Content-Type"] = "application/json"
        signature = base64.b64decode(headers["Signature"].removeprefix("sig=:").removesuffix(":"))
        bare = base64.urlsafe_b64encode(signature).rstrip(b"=").decode()
        return {**headers, "Signature": f"sig=:{bare}:"}

    def by(self, token: str) -> str:
        return f'(scheme=jwt jwt="{token}")'


@contextmanager
def walking(wording: str, *, answers: bool = True) -> Iterator[Walker]:
    with having_accounts(Walker(wording, answers)) as agent:
        assert isinstance(agent, Walker)
        yield agent


def waiting(answer: HttpResponse) -> PendingRequest:
    """The call that a 202 stands for."""
    assert answer.status_code == 202, answer.content
    assert answer.headers["Location"].startswith(f"{US}/")
    found = codes.read_token(urlsplit(answer.headers["Location"]).path.rsplit("/", 1)[1])
    assert found is not None
    return PendingRequest.objects.get(pk=found)


def polled(agent: OwnAgent, pending: PendingRequest) -> HttpResponse:
    PendingRequest.objects.filter(pk=pending.pk).update(last_polled_at=None)  # nobody hurries in a test
    return agent.get(urlsplit(codes.pending_url(pending)).path)


def consents(pending: PendingRequest, person: str) -> list[int]:
    """They come by the code, sign in with the merchant, and allow it. What each of these was answered."""
    browser = Arriving(pending)
    page = browser.come()
    entered = browser.press(page, "continue")
    to_sign_in = browser.open(entered.headers["Location"])
    browser.http.force_login(get_user_model()._default_manager.get(pk=person))
    question = browser.open(entered.headers["Location"])
    allowed = browser.press(question, "allow")
    assert to_sign_in.headers["Location"].startswith("/"), "the merchant's own page"
    return [answer.status_code for answer in (page, entered, to_sign_in, question, allowed)]


# The exchange as it is printed ----------------------------------------------------------


@pytest.mark.requirement("AA-100", "AA-102", "AA-108", "AA-113", "AA-213", "AA-217", "AA-410", "AA-412")
@pytest.mark.parametrize("wording", OLDER_WORDINGS)
def test_the_walkthrough_as_it_is_printed(counter: None, wording: str) -> None:
    with walking(wording) as agent:
        ada = someone()

        # Step 1: the agent requests the resource, and is challenged.
        challenged = agent.get(ACCOUNT)
        # Step 2: it sends the resource token to the auth server, which defers.
        deferred = agent.post(OLDER_TOKEN, {"resource_token": resource_text(challenged, "AAuth")})
        pending = waiting(deferred)
        # Step 3: the pending response includes a question.
        clarifications.ask(pending.subject, QUESTION, source=Clarification.OPERATOR, asked_by="ada")
        asked = polled(agent, pending)
        # Step 4: the agent answers at the same URL.
        place = urlsplit(codes.pending_url(pending)).path
        answered = agent.post(place, {"clarification_response": ANSWER})
        kept = clarifications.responses(pending.subject)
        # Step 5: the person completes the interaction.
        came = consents(pending, ada)
        # Step 6: the agent polls, and retries.
        told = polled(agent, pending)
        token = body(told)["auth_token"]
        granted = agent.get(ACCOUNT, signature_key=agent.by(token))

    assert challenged.status_code == 401
    assert challenged.headers["AAuth"].startswith('require=auth-token; resource-token="eyJ')
    if wording == "seed":
        assert challenged.content == b"Authorization required"
    code = codes.bare(codes.code_of(pending))
    assert deferred.headers["AAuth"] == f'require=interaction; code="{code}"'
    assert body(deferred)["status"] == "pending"
    assert body(deferred)["location"] == deferred.headers["Location"]
    assert (body(deferred)["require"], body(deferred)["code"]) == ("interaction", code)
    assert asked.status_code == 202
    assert (body(asked)["status"], body(asked)["clarification"]) == ("pending", QUESTION)
    assert answered.status_code == 202
    assert [set(one) for one in kept] == [{"response", "timestamp"}]
    assert kept[0]["response"] == ANSWER
    assert isinstance(kept[0]["timestamp"], int)
    assert came == [200, 303, 303, 200, 303]
    assert told.status_code == 200
    assert granted.status_code == 200
    opened = body(granted)
    assert opened["scope"] == "profile orders"
    assert opened["profile"] == {"name": "Ada Byron", "email": "ada@example.com"}
    printed = {
        "message": "Access granted",
        "scheme": "jwt",
        "token_type": "auth+jwt",
        "method": "GET",
        "agent": "https://agent.supply-chain.com",
        "agent_delegate": None,
    }
    assert {name: opened.get(name) for name in printed} == (
        printed if wording == "seed" else dict.fromkeys(printed)
    )
    assert bindings.person_of("aauth:https://agent.supply-chain.com|https://agent.supply-chain.com") == ada


@pytest.mark.requirement("AA-101")
@pytest.mark.parametrize("wording", OLDER_WORDINGS)
def test_the_second_case_as_it_is_printed(counter: None, wording: str) -> None:
    """Nobody asks an agent that does not say it answers, and the flow goes on without."""
    with walking(wording, answers=False) as agent:
        challenged = agent.get(f"{ACCOUNT}?scope=profile")
        pending = waiting(agent.post(OLDER_TOKEN, {"resource_token": resource_text(challenged, "AAuth")}))

        with pytest.raises(NobodyAnswers):
            clarifications.ask(pending.subject, QUESTION, source=Clarification.OPERATOR)

        waits = polled(agent, pending)
        consents(pending, someone())
        token = body(polled(agent, pending))["auth_token"]
        granted = agent.get(ACCOUNT, signature_key=agent.by(token))

    assert waits.status_code == 202
    assert "clarification" not in body(waits)
    assert granted.status_code == 200
    assert body(granted)["scope"] == "profile"


# The same in the newest wording ---------------------------------------------------------


@pytest.mark.requirement("AA-100", "AA-101", "AA-102", "AA-213", "AA-217", "AA-410", "AA-412")
@pytest.mark.parametrize("answers", [True, False], ids=["with questions", "without"])
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_the_walkthrough_in_the_newest_wording(counter: None, wording: str, answers: bool) -> None:
    able = ["interaction", *(["clarification"] if answers else [])]
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        ada = someone()

        # Step 1: two challenges, because the resource asks first who the person is.
        first = agent.get(ACCOUNT)
        named = waiting(agent.post(PERSON_TOKEN, {"resource": US, "capabilities": able}))
        consents(named, ada)
        person_token = body(polled(agent, named))["person_token"]
        challenged = agent.get(ACCOUNT, signature_key=agent.by(person_token))
        # Step 2
        request = {"resource_token": resource_text(challenged), "presented_token": person_token}
        deferred = agent.post(AUTH_TOKEN, {**request, "capabilities": able, "justification": "To help."})
        pending = waiting(deferred)
        # Steps 3 and 4
        if answers:
            clarifications.ask(pending.subject, QUESTION, source=Clarification.OPERATOR)
            asked = polled(agent, pending)
            said = {"action": "clarification_response", "clarification_response": ANSWER}
            answered = agent.post(urlsplit(codes.pending_url(pending)).path, said)
            assert asked.headers["AAuth-Requirement"] == "requirement=clarification"
            assert body(asked)["clarification"] == QUESTION
            assert answered.status_code == 202
        else:
            with pytest.raises(NobodyAnswers):
                clarifications.ask(pending.subject, QUESTION, source=Clarification.OPERATOR)
        # Step 5
        came = consents(pending, ada)
        # Step 6
        told = polled(agent, pending)
        granted = agent.get(ACCOUNT, signature_key=agent.by(body(told)["auth_token"]))
        again = agent.get(ACCOUNT, signature_key=agent.by(person_token))
        # And the person takes it back.
        grants.revoke(Grant.objects.get(pk=pending.subject), ada)
        revoked = agent.get(ACCOUNT, signature_key=agent.by(body(told)["auth_token"]))
        grants.revoke_agent(agent.owner, ada)
        nobodys = agent.get(ACCOUNT, signature_key=agent.by(person_token))

    assert (first.status_code, first.headers["AAuth-Requirement"]) == (401, "requirement=person-token")
    assert challenged.headers["AAuth-Requirement"].startswith("requirement=auth-token; resource-token=")
    assert "AAuth" not in challenged.headers
    assert deferred.headers["AAuth-Requirement"].startswith(f'requirement=interaction; url="{US}/')
    assert ("AAuth" in deferred.headers) is (wording != "draft-11")
    assert came == [200, 303, 303, 200, 303]
    assert told.status_code == 200
    assert (granted.status_code, body(granted)["scope"]) == (200, "profile orders")
    assert body(granted).get("token_type") == ("aa-auth+jwt" if wording == "seed" else None)
    assert again.headers["AAuth-Requirement"].startswith("requirement=auth-token")
    for answer in (revoked, nobodys):
        assert (answer.status_code, answer.headers["Signature-Error"]) == (401, "error=revoked_jwt")
