"""Claims that a person has confirmed, and sessions to make them about. New kinds are lines in `STATES`
and `CLAIMS`."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from checkout.models import CheckoutSession, Order, Payment, SandboxCharge
from checkout.payments import results
from gateway import delivery
from interventions.models import Intervention
from tests.acp.test_completion import Silent
from tests.acp.test_redirect import REDIRECT, Person
from tests.acp.test_webview import WEBVIEW, Framed
from tests.agents import ADDRESS, PlayedAgent, paying
from tests.bank import run
from tests.interventions.wallet import PlayedWallet

OTP = {"interventions": {"supported": ["otp"]}}
THREE_DS = {"interventions": {"supported": ["3ds", "otp"]}}
ASKING = paying("spt_sandbox_3ds_challenge")
SATISFIED = frozenset({"ready_for_payment", "complete_in_progress", "completed"})

Session = dict[str, Any]


@dataclass(slots=True)
class Scene:
    """A shop, its agents, two wallets, and a payment provider that can fall silent."""

    agent: PlayedAgent
    other: PlayedAgent
    wallet: PlayedWallet
    widget: PlayedWallet
    payments: Silent
    people: dict[str, Person] = field(default_factory=dict)

    def open(self, item: str, capabilities: Session | None = None, **members: Any) -> Session:
        """A new session; its buyer has a mailbox of their own, or caps would speak before we do."""
        return self.agent.create(
            item,
            **{
                "capabilities": capabilities or {},
                "buyer": {"email": f"ada-{uuid.uuid4().hex[:12]}@example.com"},
                "fulfillment_details": {"address": ADDRESS},
                **members,
            },
        )

    def running(self, session: Session) -> str:
        """The buyer went on to the wallet and has not decided; where they are."""
        if session["intervention_context"]["intervention_type"] == "webview":
            buyer = Framed(session)
            assert buyer.press("continue").status_code == 200
            return buyer.widget
        person = self.people[session["id"]] = Person()
        return person.leave(session)


def closed(scene: Scene, verb: Callable[[Session], Any]) -> Session:
    session = scene.open("item_mug")
    assert verb(session).status_code == 200
    return session


def emptied(scene: Scene) -> Session:
    return scene.agent.update(scene.open("item_mug"), {"line_items": []})


def expired(scene: Scene) -> Session:
    session = scene.open("item_mug")
    CheckoutSession.objects.filter(pk=session["id"]).update(expires_at=timezone.now())
    return session


def completing(scene: Scene) -> Session:
    session = scene.open("item_mug")
    scene.payments.silent = True
    assert scene.agent.complete(session).status_code == 503
    return session


def awaiting(scene: Scene) -> Session:
    session = scene.open("item_pens", line_items=[{"id": "item_pens", "quantity": 6}])
    assert scene.agent.complete(session).json()["status"] == "pending_approval"
    return session


def asked(item: str, capabilities: Session, *, running: bool) -> Callable[[Scene], Session]:
    def made(scene: Scene) -> Session:
        session = scene.open(item, capabilities)
        assert session["status"] == "authentication_required", session["messages"]
        if running and "redirect_url" in session["intervention_context"]:
            scene.running(session)
        elif running:
            delivery.deliver_due()
        return session

    return made


def refused(scene: Scene) -> Session:
    session, person = scene.open("item_tablet", REDIRECT), Person()
    url = session["intervention_context"]["redirect_url"]
    assert person.press(person.open(url), url, answer="stop").status_code == 200
    return session


def challenged(
    capabilities: Session, *, at_page: bool = False, brought: bool = False
) -> Callable[[Scene], Session]:
    """A payment that waits for 3-D Secure, or is in its provider's hands again."""

    def made(scene: Scene) -> Session:
        session: Session = scene.agent.complete(scene.open("item_mug", capabilities), ASKING).json()
        assert session["status"] == "authentication_required", session["messages"]
        if at_page:
            scene.people[session["id"]] = person = Person()
            person.leave(session)
        if brought:
            scene.payments.silent = True
            body = {**ASKING, "authentication_result": {"outcome": "internal_error"}}
            assert scene.agent.complete(session, body).status_code == 503
        return session

    return made


STATES: dict[str, tuple[str, Callable[[Scene], Session]]] = {
    "nothing in it": ("incomplete", emptied),
    "no address": ("not_ready_for_payment", lambda scene: scene.open("item_mug", fulfillment_details={})),
    "an agent that cannot": ("not_ready_for_payment", lambda scene: scene.open("item_tablet", OTP)),
    "ready": ("ready_for_payment", lambda scene: scene.open("item_mug")),
    "a code": ("authentication_required", asked("item_sneakers", OTP, running=False)),
    "a code, sent": ("authentication_required", asked("item_sneakers", OTP, running=True)),
    "a redirect": ("authentication_required", asked("item_tablet", REDIRECT, running=False)),
    "a redirect, under way": ("authentication_required", asked("item_tablet", REDIRECT, running=True)),
    "a webview": ("authentication_required", asked("item_headphones", WEBVIEW, running=False)),
    "a webview, shown": ("authentication_required", asked("item_headphones", WEBVIEW, running=True)),
    "a redirect, refused": ("not_ready_for_payment", refused),
    "the merchant": ("pending_approval", awaiting),
    "being paid": ("complete_in_progress", completing),
    "3-D Secure at the agent": ("authentication_required", challenged(THREE_DS)),
    "3-D Secure, brought": ("complete_in_progress", challenged(THREE_DS, brought=True)),
    "3-D Secure at a page": ("authentication_required", challenged(REDIRECT)),
    "3-D Secure at a page, under way": ("authentication_required", challenged(REDIRECT, at_page=True)),
    "3-D Secure in a web view": ("authentication_required", challenged(WEBVIEW)),
    "completed": ("completed", lambda scene: closed(scene, scene.agent.complete)),
    "canceled": ("canceled", lambda scene: closed(scene, scene.agent.cancel)),
    "expired": ("expired", expired),
}
"""How a session stands, as its agent reads it, and how it comes to be so."""


@dataclass(frozen=True, slots=True)
class Stolen:
    """What is true of another purchase: its buyer said yes, and nobody has told its session yet."""

    redirect: dict[str, str]
    confirmation: str
    proof: Session
    """A genuine `authentication_result` of another session."""
    foreign: Session
    """One of another agent's session."""
    spent: Session
    """One that has paid."""


def stolen(scene: Scene) -> Stolen:
    sent = scene.open("item_tablet", REDIRECT)
    shown = scene.open("item_headphones", WEBVIEW)
    brought = scene.wallet.decide(scene.running(sent), "approved")
    scene.widget.decide(scene.running(shown), "approved")
    elsewhere = PlayedAgent(scene.other.key).ready(capabilities=THREE_DS)
    paid = challenged(THREE_DS)(scene)
    spent = run(paid)
    done = scene.agent.complete(paid, {**ASKING, "authentication_result": spent})
    assert done.json()["status"] == "completed"
    return Stolen(
        brought,
        Intervention.objects.get(subject=shown["id"]).pk,
        proof=run(challenged(THREE_DS)(scene)),
        foreign=run(scene.other.complete(elsewhere, ASKING).json()),
        spent=spent,
    )


CLAIMS: dict[str, Callable[[Stolen], Session]] = {
    "a wrong code": lambda _: {"type": "otp", "code": "000000"},
    "no code": lambda _: {"type": "otp"},
    "redirect": lambda _: {"type": "redirect_complete"},
    "redirect, with data": lambda _: {"type": "redirect_complete", "callback_data": "status=approved"},
    "redirect, with another's": lambda it: {
        "type": "redirect_complete",
        "callback_data": urlencode(it.redirect),
        **it.redirect,
    },
    "webview": lambda _: {"type": "webview_complete"},
    "webview, with data": lambda _: {"type": "webview_complete", "callback_data": "status=approved"},
    "webview, with another's": lambda it: {
        "type": "webview_complete",
        "callback_data": it.confirmation,
        "confirmation": it.confirmation,
    },
    "3ds": lambda _: {"type": "3ds", "outcome": "authenticated", "transaction_status": "Y"},
    "biometric": lambda _: {"type": "biometric", "verified": True, "assertion": "invented"},
    "biometric_complete": lambda _: {"type": "biometric_complete", "callback_data": "verified"},
    "approval": lambda _: {"type": "approval", "approved": True, "status": "passed"},
}
"""An `intervention_response` that nobody's confirmation is behind."""


def invented(outcome: str, **changed: str) -> Session:
    """A result in perfect form, which no bank ever made."""
    if outcome not in results.PROVEN:
        return {"outcome": outcome}
    details = {
        "three_ds_cryptogram": base64.b64encode(uuid.uuid4().bytes + b"tail").decode(),
        "electronic_commerce_indicator": "05",
        "transaction_id": str(uuid.uuid4()),
        "version": "2.2.0",
    }
    return {"outcome": outcome, "outcome_details": {**details, **changed}}


RESULTS: dict[str, Callable[[Stolen], Session]] = {
    **{
        outcome: lambda _, outcome=outcome: invented(outcome)  # type: ignore[misc]
        for kind in (results.PROVEN, results.REFUSED, results.LEFT, results.UNABLE)
        for outcome in sorted(kind)
    },
    "of another session": lambda it: it.proof,
    "of another agent": lambda it: it.foreign,
    "used before": lambda it: it.spent,
    "used before, under another id": lambda it: {
        **it.spent,
        "outcome_details": {**it.spent["outcome_details"], "transaction_id": str(uuid.uuid4())},
    },
}
"""An `authentication_result` that nobody's confirmation is behind, each as its schema wants it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What only the issuer's own word may bring, where it asks."""

    done: bool
    passed: int
    authorized: int
    shifted: int
    orders: int

    @classmethod
    def of(cls, agent: PlayedAgent, session: Session) -> Taken:
        return cls(
            done=agent.retrieve(session)["status"] == "completed",
            passed=Intervention.objects.filter(state="passed").count(),
            authorized=SandboxCharge.objects.filter(outcome="authorized").count(),
            shifted=Payment.objects.filter(liability_shift="confirmed").count(),
            orders=Order.objects.count(),
        )


@dataclass(frozen=True, slots=True)
class Record:
    """What only a confirmation, or money, may change."""

    status: str
    passed: int
    charges: int
    payments: int
    orders: int

    @classmethod
    def of(cls, agent: PlayedAgent, session: Session) -> Record:
        return cls(
            status=agent.retrieve(session)["status"],
            passed=Intervention.objects.filter(state="passed").count(),
            charges=SandboxCharge.objects.count(),
            payments=Payment.objects.count(),
            orders=Order.objects.count(),
        )
