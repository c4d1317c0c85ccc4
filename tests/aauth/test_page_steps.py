"""A purchase that needs more than one step goes on at the page of its call, and a handoff leads there too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from gateway.models import Agent
from gateway.pending_models import PendingRequest
from gateway.person.visiting import ARRIVED, BROWSER
from interventions import ports, services
from interventions.models import Intervention
from tests.aauth.agents import SignedAgent
from tests.aauth.persons import Arriving, moved_on, parked
from tests.frozen import handed_over
from tests.interventions.wallet import PlayedWallet
from tests.people import heading
from tests.person.conftest import code_in_mail


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = ports.ports()
    yield
    ports.plug(before)


def confirm_elsewhere(pending: PendingRequest) -> Intervention:
    """The person is asked for something more, on a page of its own."""
    before = ports.ports()
    ports.plug(replace(before, providers={**before.providers, "redirect": PlayedWallet()}))
    with transaction.atomic():
        asked = services.ensure(
            pending.subject,
            "redirect",
            binding="one more",
            amount=1,
            currency="usd",
            destination="",
            owner=pending.owner,
        )
    return Intervention.objects.get(pk=asked.id)


@pytest.mark.requirement("AA-070", "AA-077")
def test_the_second_step_follows_the_first_and_leads_back_too(signing: SignedAgent) -> None:
    person = Arriving(parked(signing))
    otp = person.open(person.go_on().headers["Location"])
    back = person.press(otp, "code", code=code_in_mail())
    row = confirm_elsewhere(person.pending)

    on = person.open(back.headers["Location"])
    asked = person.open(on.headers["Location"])
    stopped = person.press(asked, "stop")

    assert on.status_code == 303
    assert heading(asked) == "Confirm your purchase"
    assert stopped.headers["Location"] == person.path
    row.refresh_from_db()
    assert row.state == "denied"


@pytest.mark.requirement("T10")
def test_the_secret_of_a_later_step_is_its_own(signing: SignedAgent) -> None:
    """It says that a code led here, and nothing that could be used elsewhere."""
    person = Arriving(parked(signing))
    first = person.go_on().cookies[BROWSER]
    Intervention.objects.update(state="passed")
    confirm_elsewhere(person.pending)

    on = person.open(person.path)
    entered = person.press(person.open(on.headers["Location"]), "continue")

    assert on.cookies[BROWSER]["path"] == on.headers["Location"]
    values = {first.value, on.cookies[BROWSER].value, entered.cookies[BROWSER].value}
    assert len(values) == 3
    assert all(value.startswith(ARRIVED) for value in values)


@pytest.mark.requirement("AA-055")
def test_whoever_has_only_the_link_of_a_step_is_not_led_to_the_call(signing: SignedAgent) -> None:
    """An agent can hand that link to anybody, and their browser was never at the page of the call."""
    person = Arriving(parked(signing))
    path = person.go_on().headers["Location"]
    Intervention.objects.update(state="pending", browser_digest="")
    other = Arriving(person.pending)

    done = other.press(other.open(path), "code", code=code_in_mail())

    assert done.status_code == 200
    assert heading(done) == "You have confirmed the purchase"
    assert person.path not in done.content.decode()


def test_a_step_that_ended_says_so_and_leads_back(signing: SignedAgent) -> None:
    """A GET leads nowhere by itself: two pages could send a browser back and forth."""
    person = Arriving(parked(signing))
    path = person.go_on().headers["Location"]
    Intervention.objects.update(state="expired")

    page = person.open(path)

    assert page.status_code == 410
    assert f'<a class="button" href="{person.path}">See how it stands</a>' in page.content.decode()
    assert heading(person.open(person.path)) == "One moment"


@pytest.mark.requirement("AA-070")
def test_a_handed_over_purchase_is_finished_at_its_own_page(signing: SignedAgent) -> None:
    parked(signing)
    owner = Agent.objects.get(issuer=signing.provider.issuer).owner
    frozen = handed_over(owner=owner)
    pending = PendingRequest.objects.create(
        owner=owner,
        subject=frozen.session.pk,
        operation="acp.update",
        method="POST",
        path="/",
        wording="dual",
        expires_at=timezone.now() + timedelta(minutes=15),
    )
    person = Arriving(pending)

    page = person.come()
    entered = person.press(page, "continue")
    review = person.open(entered.headers["Location"])
    stopped = person.press(review, "stop")

    assert "add what is missing, and pay" in page.content.decode()
    assert heading(review) == "Finish your purchase"
    assert stopped.headers["Location"] == person.path
    moved_on()
    assert person.open(person.path).status_code in (200, 410)


@pytest.mark.requirement("AA-054")
def test_stopping_at_the_code_stops_what_was_handed_over(signing: SignedAgent) -> None:
    parked(signing)
    owner = Agent.objects.get(issuer=signing.provider.issuer).owner
    frozen = handed_over(owner=owner)
    pending = PendingRequest.objects.create(
        owner=owner,
        subject=frozen.session.pk,
        operation="acp.update",
        method="POST",
        path="/",
        wording="dual",
        expires_at=timezone.now() + timedelta(minutes=15),
    )

    page = Arriving(pending).go_on(answer="stop")

    assert heading(page) == "The purchase was not confirmed"
    assert Intervention.objects.get(pk=frozen.intervention_id).state in ("denied", "canceled")
