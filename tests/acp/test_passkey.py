"""A purchase that is confirmed with a passkey on our page: acp.md J, decisions 17 and 20."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from checkout.models import CheckoutSession, SandboxCharge
from gateway import delivery
from interventions import ports
from interventions.models import Intervention, Passkey
from tests.agents import ADDRESS, BUYER, PlayedAgent, codes
from tests.interventions.conftest import other_than
from tests.interventions.device import PlayedDevice

BIOMETRIC = {
    "interventions": {"supported": ["biometric", "otp"]},
    "extensions": ["intervention_types@2026-02-17"],
}
RELEASED = {"interventions": {"supported": ["biometric"]}}
CODE = re.compile(r"one-time code: ([0-9]+)$", re.MULTILINE)


@pytest.fixture
def ring(agent: PlayedAgent) -> dict[str, Any]:
    """A session that waits for its buyer, who has no passkey yet."""
    return wanted(agent)


def wanted(agent: PlayedAgent, **members: Any) -> dict[str, Any]:
    given = {"capabilities": BIOMETRIC, "buyer": BUYER, "fulfillment_details": {"address": ADDRESS}}
    return agent.create("item_ring", **{**given, **members})


class Person:
    """A buyer with a browser that keeps cookies and checks tokens, and a device."""

    def __init__(self, device: PlayedDevice | None = None, language: str = "") -> None:
        self.http = Client(enforce_csrf_checks=True, raise_request_exception=False)
        self.device = device or PlayedDevice()
        self.headers = {"Accept-Language": language} if language else {}
        self.fields = {"csrfmiddlewaretoken": "", "seen": ""}
        self.at = ""

    def open(self, session: dict[str, Any], more: str = "") -> HttpResponse:
        page = self.http.get(path_of(session) + more, headers=self.headers)
        self.at = path_of(session)
        html = page.content.decode()
        for name in self.fields:
            found = re.findall(rf'name="{name}" value="([^"]*)"', html)
            self.fields[name] = found[0] if found else self.fields[name]
        return page

    def press(self, session: dict[str, Any], **answer: str) -> HttpResponse:
        if self.at != path_of(session):
            self.open(session)
        after = self.http.post(path_of(session), self.fields | answer, headers=self.headers)
        return self.open(session) if after.status_code == 303 else after

    def tells(self, session: dict[str, Any], what: str, body: Any = None) -> HttpResponse:
        """What the script of the page sends; bytes as they are."""
        return self.http.post(
            f"{path_of(session)}/{what}",
            body if isinstance(body, bytes) else json.dumps(body or {}),
            content_type="application/json",
            headers={"X-CSRFToken": self.fields["csrfmiddlewaretoken"], "X-Seen": self.fields["seen"]},
        )

    def enter(self, session: dict[str, Any]) -> HttpResponse:
        return self.press(session, answer="continue")

    def prove_contact(self, session: dict[str, Any]) -> HttpResponse:
        self.press(session, answer="send")
        return self.press(session, answer="code", code=read_code())

    def asked(self, session: dict[str, Any]) -> dict[str, Any]:
        answer = self.tells(session, "options")
        assert answer.status_code == 200, answer.content
        return answer.json()

    def use_device(self, session: dict[str, Any]) -> HttpResponse:
        asked = self.asked(session)
        return self.tells(session, "proof", self.device.does(asked["step"], asked["options"]))

    def confirm(self, session: dict[str, Any]) -> HttpResponse:
        """The whole visit of somebody who has no passkey yet."""
        self.enter(session)
        self.prove_contact(session)
        return self.use_device(session)


def path_of(session: dict[str, Any]) -> str:
    return urlsplit(session["continue_url"]).path


def read_code() -> str:
    """The code in the newest mail."""
    delivery.deliver_due()
    return CODE.findall(str(mail.outbox[-1].body))[0]


@pytest.mark.requirement("ACP-144", "ACP-145", "ACP-146", "ACP-149", "ACP-163")
def test_the_session_says_where_its_buyer_confirms(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    assert ring["status"] == "authentication_required"
    assert ring["intervention_context"] == {"intervention_type": "biometric", "provider": "Demo Shop"}
    assert re.fullmatch(r"http://localhost:8000/agentic/confirm/[0-9a-f]{96}/passkey", ring["continue_url"])
    assert codes(ring) == ["intervention_required"]
    assert "continue_url" in ring["messages"][0]["content"]
    assert ring["messages"][0]["resolution"] == "requires_buyer_review"
    assert agent.retrieve(ring) == ring


def test_an_agent_without_the_extension_is_told_too(agent: PlayedAgent) -> None:
    """Decision 16: biometric is a type of the release itself, its context is not."""
    session = wanted(agent, capabilities=RELEASED)

    assert session["status"] == "authentication_required"
    assert "intervention_context" not in session
    assert session["continue_url"]


@pytest.mark.requirement("ACP-148", "ACP-163")
def test_a_new_buyer_proves_the_contact_and_confirms(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    person = Person()

    judged = person.confirm(ring)

    assert judged.json() == {"state": "passed"}
    assert "You have confirmed the purchase" in person.open(ring).content.decode()
    ready = agent.retrieve(ring)
    assert ready["status"] == "ready_for_payment"
    assert "intervention_context" not in ready
    assert "continue_url" not in ready
    assert ready["messages"] == []
    assert agent.complete(ready).json()["status"] == "completed"


def test_a_known_buyer_needs_the_passkey_only(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    person = Person()
    person.confirm(ring)
    sent, again = len(mail.outbox), wanted(agent)

    page = person.enter(again)
    judged = person.use_device(again)

    assert "Confirm with your passkey" in page.content.decode()
    assert judged.json() == {"state": "passed"}
    assert agent.retrieve(again)["status"] == "ready_for_payment"
    assert len(mail.outbox) == sent
    assert Passkey.objects.count() == 1


@pytest.mark.requirement("T10", "T31", "T47")
def test_an_agent_that_opens_the_link_itself_confirms_nothing(
    agent: PlayedAgent, ring: dict[str, Any]
) -> None:
    """It has the link, a browser and a device of software, and not the buyer's mail."""
    thief = Person()
    page = thief.enter(ring).content.decode()

    assert "First: is it you?" in page
    assert BUYER["email"] not in page
    assert thief.tells(ring, "options").status_code == 409
    made = thief.device.make({"challenge": "A" * 54})
    assert thief.tells(ring, "proof", made).status_code == 409
    thief.press(ring, answer="send")
    guessed = thief.press(ring, answer="code", code=other_than(read_code()))
    assert "That code is not right. Attempts left: 4." in guessed.content.decode()
    assert thief.tells(ring, "options").status_code == 409
    assert not Passkey.objects.exists()
    assert agent.retrieve(ring)["status"] == "authentication_required"
    assert agent.complete(ring).json()["code"] == "intervention_required"
    assert not SandboxCharge.objects.exists()


@pytest.mark.requirement("T31", "ACP-160", "ACP-163")
@pytest.mark.parametrize("type", ["biometric", "biometric_complete"])
def test_the_agents_claim_moves_nothing(agent: PlayedAgent, ring: dict[str, Any], type: str) -> None:
    """Decision 20: there is no such answer; the rest of the update applies."""
    told = agent.update(ring, {"intervention_response": {"type": type, "callback_data": "verified=true"}})

    assert told["status"] == "authentication_required"
    assert "unsupported" in codes(told)
    assert Intervention.objects.get().state == "pending"
    assert agent.complete(ring).json()["code"] == "intervention_required"


def test_an_answer_of_another_type_is_refused(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    """The code of the page is no code of the agent's API, although its buyer may have told it."""
    person = Person()
    person.enter(ring)
    person.press(ring, answer="send")
    body = {"intervention_response": {"type": "otp", "code": read_code()}}

    refused = agent.post(f"/checkout_sessions/{ring['id']}", body)

    assert refused.status_code == 400
    assert refused.json()["code"] == "invalid"
    assert person.tells(ring, "options").status_code == 409


@pytest.mark.requirement("T20")
def test_the_code_of_the_page_is_masked_in_what_an_agent_writes(
    agent: PlayedAgent, ring: dict[str, Any]
) -> None:
    person = Person()
    person.enter(ring)
    person.press(ring, answer="send")
    code = read_code()

    agent.update(ring, {"buyer": {**BUYER, "full_name": f"the buyer says {code}"}})

    assert code not in str(CheckoutSession.objects.values().get())


@pytest.mark.requirement("T42")
def test_looking_changes_nothing(ring: dict[str, Any]) -> None:
    before = Intervention.objects.values().get()

    for more in ("", "", "/status"):
        assert Client().get(path_of(ring) + more).status_code == 200
        assert Client().head(path_of(ring) + more).status_code == 200
    for more in ("/options", "/proof"):
        assert Client().get(path_of(ring) + more).status_code == 405

    assert Intervention.objects.values().get() == before
    assert mail.outbox == []


@pytest.mark.requirement("T45")
def test_the_page_shows_what_is_bought_and_how_to_go_on_elsewhere(ring: dict[str, Any]) -> None:
    page = Person().open(ring)
    html = page.content.decode()

    for shown in (
        "Gold Ring",
        "Demo Shop",
        "Demo agent",
        "<svg",
        ring["continue_url"],
        "A passkey needs scripts",
    ):
        assert shown in html
    policy = page.headers["Content-Security-Policy"]
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    nonce = re.findall(r"script-src 'nonce-([^']+)'", policy)[0]
    scripts = re.findall(r"<script[^>]*>", html)
    assert len(scripts) == 2
    assert all(f'nonce="{nonce}"' in script for script in scripts)
    assert "style=" not in html


@pytest.mark.requirement("T46")
@pytest.mark.parametrize("more", ["", "/options", "/proof"])
def test_nothing_is_decided_without_a_token(ring: dict[str, Any], more: str) -> None:
    person = Person()
    person.enter(ring)

    refused = person.http.post(path_of(ring) + more, {"answer": "stop"})

    assert refused.status_code == 403
    assert Intervention.objects.get().state == "interacting"


@pytest.mark.requirement("T10", "T42")
def test_a_second_browser_watches_and_does_nothing(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    first, second = Person(), Person()
    second.open(ring)
    first.enter(ring)

    seen = second.open(ring)
    entering = second.enter(ring)

    assert seen.status_code == 410
    assert "another browser" in seen.content.decode()
    assert "<svg" not in seen.content.decode()
    assert second.open(ring, "/status").json()["state"] == "interacting"
    assert entering.status_code == 410
    assert first.prove_contact(ring).status_code == 200
    assert first.use_device(ring).json() == {"state": "passed"}
    assert "This purchase is confirmed already" in second.open(ring).content.decode()


@pytest.mark.requirement("T31")
def test_an_answer_sent_twice_counts_once(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    person = Person()
    person.enter(ring)
    person.prove_contact(ring)
    asked = person.asked(ring)
    answer = person.device.does(asked["step"], asked["options"])

    both = [person.tells(ring, "proof", answer) for _ in range(2)]

    assert [judged.status_code for judged in both] == [200, 200]
    assert both[0].json() == {"state": "passed"}
    assert both[1].json()["over"] is True
    assert Passkey.objects.count() == 1


def test_answers_that_prove_nothing_end_the_visit(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    Person().confirm(ring)
    session = wanted(agent)
    forger = Person()
    forger.enter(session)

    judged = [forger.use_device(session) for _ in range(5)]

    assert [answer.status_code for answer in judged] == [422, 422, 422, 422, 200]
    assert judged[0].json()["problem"] == "Your device's answer could not be used. Attempts left: 4."
    assert judged[4].json() == {"state": "failed"}
    assert "Too many attempts" in forger.open(session).content.decode()
    told = agent.retrieve(session)
    assert told["status"] == "not_ready_for_payment"
    assert "continue_url" not in told
    assert codes(told) == ["intervention_required"]
    assert agent.update(session, {})["status"] == "authentication_required"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"id":' + b"9" * 40_000 + b"}", b'{"response":{"clientDataJSON":"e30"}}']
)
def test_what_no_device_answers_is_refused(ring: dict[str, Any], body: bytes) -> None:
    person = Person()
    person.enter(ring)
    person.prove_contact(ring)

    refused = person.tells(ring, "proof", body)

    assert refused.status_code in (400, 422)
    assert refused.json()["problem"]
    assert Intervention.objects.get(kind="biometric").state == "interacting"


def test_the_person_can_stop(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    stopped = Person().press(ring, answer="stop")

    assert "The purchase was not confirmed" in stopped.content.decode()
    told = agent.retrieve(ring)
    assert told["status"] == "not_ready_for_payment"
    assert codes(told) == ["intervention_required"]


@pytest.mark.requirement("T12")
def test_codes_for_the_page_are_spaced_as_all_are(ring: dict[str, Any]) -> None:
    person = Person()
    person.enter(ring)
    person.press(ring, answer="send")
    delivery.deliver_due()

    again = person.press(ring, answer="again")

    delivery.deliver_due()
    assert "No new code can be sent now" in again.content.decode()
    assert len(mail.outbox) == 1


@pytest.mark.requirement("T13")
def test_five_wrong_codes_end_the_codes_and_not_the_page(ring: dict[str, Any]) -> None:
    person = Person()
    person.enter(ring)
    person.press(ring, answer="send")
    code = read_code()

    pages = [person.press(ring, answer="code", code=other_than(code, number)) for number in range(1, 6)]
    right = person.press(ring, answer="code", code=code)

    assert "that was the last attempt" in pages[4].content.decode()
    assert "Send me a code" in pages[4].content.decode()
    assert "Send me a code" in right.content.decode()
    assert person.tells(ring, "options").status_code == 409


@pytest.mark.requirement("T13")
def test_ten_wrong_codes_end_the_session(
    agent: PlayedAgent, ring: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = replace(ports.ports().rules, cooldown_seconds=0, destination_gaps_seconds=())
    before = ports.ports()
    ports.plug(replace(before, rules=rules))
    person = Person()
    person.enter(ring)
    for _ in range(2):
        person.press(ring, answer="send")
        code = read_code()
        for number in range(1, 6):
            last = person.press(ring, answer="code", code=other_than(code, number))
    ports.plug(before)

    assert "There is nothing to confirm any more" in last.content.decode()
    assert agent.retrieve(ring)["status"] == "canceled"


def test_without_a_contact_one_is_asked_for(agent: PlayedAgent) -> None:
    session = agent.create("item_ring", capabilities=BIOMETRIC, fulfillment_details={"address": ADDRESS})

    assert session["status"] == "not_ready_for_payment"
    assert codes(session) == ["missing"]
    assert session["messages"][0]["param"] == "$.buyer.email"


def test_another_contact_is_asked_anew(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    """Decision 21, T17: a confirmed contact does not confirm for another one."""
    person = Person()
    person.enter(ring)
    person.prove_contact(ring)

    changed = agent.update(ring, {"buyer": {"email": "eve@example.com", "full_name": "Eve"}})

    assert changed["continue_url"] != ring["continue_url"]
    assert (
        person.tells(ring, "options").json()["problem"] == "The purchase has changed. Nothing was confirmed."
    )
    assert "The purchase has changed" in person.open(ring).content.decode()
    person.enter(changed)
    assert person.tells(changed, "options").status_code == 409


def test_where_passkeys_cannot_work_the_page_says_so(ring: dict[str, Any]) -> None:
    before = ports.ports()
    others = {kind: part for kind, part in before.providers.items() if kind != "biometric"}
    ports.plug(replace(before, providers=others))
    page = Person().open(ring)
    ports.plug(before)

    assert page.status_code == 503
    assert "Passkeys cannot be used here" in page.content.decode()


@pytest.mark.parametrize("bad", ["0" * 96, "x", "1" * 95])
def test_an_invented_link_leads_nowhere(agent: PlayedAgent, bad: str) -> None:
    for more in ("", "/status"):
        assert Client().get(f"/agentic/confirm/{bad}/passkey{more}").status_code == 404


def test_a_link_of_one_page_does_not_open_another(agent: PlayedAgent, ring: dict[str, Any]) -> None:
    assert Client().get(path_of(ring).removesuffix("/passkey")).status_code == 404


def test_a_german_buyer_reads_german(agent: PlayedAgent) -> None:
    session = wanted(agent, locale="de-DE")
    person = Person()

    first = person.open(session)
    second = person.enter(session)
    person.press(session, answer="send")
    delivery.deliver_due()

    assert first.headers["Content-Language"] == "de"
    assert "Mit einem Passkey best" in first.content.decode()
    assert "Zuerst: Sind Sie es?" in second.content.decode()
    assert "Verraten Sie ihn nicht Ihrem Agenten" in str(mail.outbox[-1].body)
