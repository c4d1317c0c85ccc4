"""Somebody says that the person has confirmed (reliability-security R32, T31, T32; decision 20).

Every claim, in every state of a session, once, replayed, by another agent, and with what is true of
another purchase: nothing is satisfied, nothing is charged. In the end the same harness is shown to
see it when a person did confirm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from checkout.payments.issuer import IssuerPage
from interventions import policy, ports
from interventions.models import Policy
from tests.acp.forging import (
    ASKING,
    CLAIMS,
    OTP,
    REDIRECT,
    RESULTS,
    STATES,
    THREE_DS,
    WEBVIEW,
    Record,
    Scene,
    Session,
    Taken,
    challenged,
    stolen,
)
from tests.acp.test_completion import Silent
from tests.acp.test_one_time_code import code_in_mail
from tests.agents import PlayedAgent, paying
from tests.bank import Wire, provider, run
from tests.interventions.wallet import PlayedWallet
from tests.parts import never_left_alone, plugged

pytestmark = pytest.mark.one_database(
    "Whether a claim counts is decided in Python; the rows are those of any purchase."
)

BY_NAME = [pytest.param(*entry, id=name) for name, entry in STATES.items()]


@pytest.fixture
def scene(shop: None, agent: PlayedAgent, other: PlayedAgent) -> Iterator[Scene]:
    payments = provider(Wire(), Silent)
    assert isinstance(payments, Silent)
    before, made = ports.ports(), Scene(agent, other, PlayedWallet(), PlayedWallet(), payments)
    made.payments.silent = False
    pages = {"redirect": made.wallet, "webview": made.widget, "3ds": IssuerPage()}
    providers = {**before.providers, **pages}
    ports.plug(replace(before, providers=providers))
    policy.forget()
    with plugged(payments=made.payments):
        never_left_alone()
        yield made
    ports.plug(before)


def claim(scene: Scene, session: Session, body: Session) -> None:
    """The claim is made in every way there is; none of them is an error of ours."""
    path, sent = f"/checkout_sessions/{session['id']}", {"intervention_response": body}
    answers = [
        scene.agent.post(path, sent, key=f"{session['id']}-1"),
        scene.agent.post(path, sent, key=f"{session['id']}-1"),
        scene.agent.post(path, {**sent, "buyer": {"email": "eve@example.com"}}, key=f"{session['id']}-1"),
        scene.agent.post(path, sent),
        scene.other.post(path, sent),
        scene.other.complete(session),
    ]
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []
    assert answers[-2].status_code == answers[-1].status_code == 404


def unmoved(scene: Scene, session: Session, body: Session) -> None:
    """The claim satisfies nothing; and where nothing could be paid before, nothing can be now."""
    before = Record.of(scene.agent, session)
    claim(scene, session, body)
    kept(before, Record.of(scene.agent, session))
    if before.status not in ("ready_for_payment", "complete_in_progress"):
        for extra in ({"intervention_response": body}, {}):
            assert scene.agent.complete(session, {**paying(), **extra}).status_code < 500
        kept(before, Record.of(scene.agent, session))


def kept(before: Record, after: Record) -> None:
    """As it was. A buyer who said no may be asked again: any update and any attempt to pay does so."""
    asked = {before.status, after.status} == {"not_ready_for_payment", "authentication_required"}
    assert (replace(after, status=before.status) if asked else after) == before


@pytest.mark.requirement("R32", "T31", "T32", "ACP-151", "ACP-153", "ACP-160")
@pytest.mark.parametrize(("status", "made"), BY_NAME)
def test_a_claim_moves_nothing(scene: Scene, status: str, made: object) -> None:
    loot = stolen(scene)
    for name, body in CLAIMS.items():
        scene.payments.silent = False
        session = made(scene)  # type: ignore[operator]
        assert scene.agent.retrieve(session)["status"] == status, name
        try:
            unmoved(scene, session, body(loot))
        except AssertionError as problem:
            raise AssertionError(f"the claim: {name}") from problem


@pytest.mark.requirement("R32", "T32")
def test_the_way_back_of_another_purchase_moves_nothing(scene: Scene) -> None:
    """With that buyer's own browser, and with this one's; the yes is real, and for something else."""
    loot = stolen(scene)
    session = STATES["a redirect, under way"][1](scene)
    before = Record.of(scene.agent, session)

    for person in list(scene.people.values()):
        assert person.come_back(session, loot.redirect).status_code in (409, 410)

    assert Record.of(scene.agent, session) == before


def bring(scene: Scene, session: Session, result: Session) -> None:
    """The result is brought, again, with something else under its key, and by another agent."""
    sent = {**ASKING, "authentication_result": result}
    before = Taken.of(scene.agent, session)
    answers = [
        scene.agent.complete(session, sent, key=f"{session['id']}-c1"),
        scene.agent.complete(session, sent, key=f"{session['id']}-c1"),
        scene.agent.complete(session, {**sent, "order_notes": "x"}, key=f"{session['id']}-c1"),
        scene.agent.complete(session, sent),
        scene.agent.post(f"/checkout_sessions/{session['id']}", {"authentication_result": result}),
        scene.other.complete(session, sent),
    ]
    statuses = [answer.status_code for answer in answers]
    assert not [status for status in statuses if status >= 500 or status == 429], statuses
    assert statuses[-2:] == [400, 404]
    assert Taken.of(scene.agent, session) == before


@pytest.mark.requirement("R32", "T33", "T34", "ACP-172", "ACP-173")
@pytest.mark.parametrize(("status", "made"), BY_NAME)
def test_a_result_that_no_bank_is_behind_pays_for_nothing(scene: Scene, status: str, made: object) -> None:
    """Schema-valid, of every outcome, invented, stolen and spent; with a card whose issuer asks."""
    loot = stolen(scene)
    for name, result in RESULTS.items():
        scene.payments.silent = False
        session = made(scene)  # type: ignore[operator]
        scene.payments.silent = False
        try:
            bring(scene, session, result(loot))
        except AssertionError as problem:
            raise AssertionError(f"the result: {name}") from problem


@pytest.mark.requirement("R32")
def test_the_same_harness_sees_a_genuine_result(scene: Scene) -> None:
    """The negative control."""
    session = challenged(THREE_DS)(scene)

    with pytest.raises(AssertionError, match="done=Tr"):
        bring(scene, session, run(session))


TRUE = {
    "otp": ("item_sneakers", OTP, {"type": "otp"}),
    "redirect": ("item_tablet", REDIRECT, {"type": "redirect_complete"}),
    "webview": ("item_headphones", WEBVIEW, {"type": "webview_complete"}),
}


@pytest.mark.requirement("R32")
@pytest.mark.parametrize("kind", TRUE)
def test_the_same_harness_sees_a_true_one(scene: Scene, kind: str) -> None:
    """The negative control."""
    item, capabilities, body = TRUE[kind]
    session = scene.open(item, capabilities)
    if kind == "otp":
        body = {**body, "code": code_in_mail()}
    else:
        wallet = scene.wallet if kind == "redirect" else scene.widget
        wallet.decide(scene.running(session), "approved")

    with pytest.raises(AssertionError, match="ready_for_payment"):
        unmoved(scene, session, body)


def test_every_policy_of_the_table_is_in_force(scene: Scene) -> None:
    """Or the table above would prove less than it says."""
    kinds = {kind for row in Policy.objects.all() for kind in row.kinds}

    assert {"otp", "redirect", "webview"} <= kinds
    assert Policy.objects.filter(approval=True).exists()
