"""A person confirms with their device: who may, once, in one browser, in time (T10, T31, T42, T47)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import transaction
from django.utils import timezone

from interventions import devices, effects, ports, services, visits
from interventions.devices import Step
from interventions.errors import NotFound, Over, StaleRound, TakenElsewhere, Unproven
from interventions.models import Intervention, Passkey
from interventions.negotiation import CONTACT
from interventions.outcomes import Answer
from interventions.providers.otp import SEND_CODE, history
from interventions.providers.passkeys import Passkeys
from tests.interventions.conftest import World, keyed, moves_of, other_than
from tests.interventions.device import ORIGIN, PlayedDevice, b64, raw

pytestmark = pytest.mark.django_db(transaction=True)

BROWSER = "the person's browser"
ADDRESS = "ada@example.com"


class Buyers:
    """People who are asked to confirm with a passkey."""

    def __init__(self, world: World) -> None:
        self.world = world

    def ask(self, subject: str = "cs_1", *, binding: str = "cart A", address: str = ADDRESS) -> Intervention:
        self.world.knows(subject, address)
        with transaction.atomic():
            asked = services.ensure(
                subject,
                "biometric",
                binding=binding,
                amount=120_000,
                currency="usd",
                destination=address,
                owner="key:demo",
            )
        return Intervention.objects.get(pk=asked.id)

    def enter(self, subject: str = "cs_1", **asked: Any) -> Intervention:
        row = self.ask(subject, **asked)
        visits.enter(row.pk, BROWSER)
        return row

    def code(self, row: Intervention, address: str = ADDRESS) -> str:
        """The code that the buyer is sent for the page of `row`."""
        with transaction.atomic():
            services.ensure(
                row.subject,
                CONTACT,
                binding=devices.contact_binding(row),
                amount=row.amount,
                currency=row.currency,
                destination=address,
                owner=row.owner,
            )
        self.world.queued = [entry for entry in self.world.queued if entry[0] == SEND_CODE]
        return self.world.deliver()[0]

    def confirmed(self, subject: str = "cs_1", **asked: Any) -> Intervention:
        """A row whose buyer typed the code that they were sent."""
        row = self.enter(subject, **asked)
        code = self.code(row, asked.get("address", ADDRESS))
        assert services.answer(subject, CONTACT, code).outcome == Answer.RIGHT
        return row

    def with_passkey(self, device: PlayedDevice, subject: str = "cs_0") -> None:
        """The buyer has a passkey since an earlier purchase."""
        assert act(self.confirmed(subject), device).state == "passed"


def act(row: Intervention, device: PlayedDevice, browser: str = BROWSER) -> Intervention:
    begun = devices.begin(row.pk, browser)
    return devices.finish(row.pk, browser, device.does(begun.step, begun.options))


@pytest.fixture
def buyers(world: World) -> Buyers:
    before = ports.ports()
    passkeys = Passkeys(ORIGIN, merchant="Demo Shop")
    ports.plug(replace(before, providers={**before.providers, "biometric": passkeys}))
    world.sends_freely()
    return Buyers(world)


@pytest.mark.requirement("ACP-163", "T10", "T47")
def test_who_only_has_the_link_cannot_make_a_passkey(buyers: Buyers) -> None:
    """The agent opens the link itself, first, with a device of its own."""
    row = buyers.enter()

    assert devices.step(row) == Step.CONFIRM
    with pytest.raises(StaleRound):
        devices.begin(row.pk, BROWSER)
    invented = {"challenge": b64(b"c" * 40)}
    with pytest.raises(StaleRound):
        devices.finish(row.pk, BROWSER, PlayedDevice().make(invented))
    assert not Passkey.objects.exists()


@pytest.mark.requirement("ACP-163")
def test_a_confirmed_contact_makes_a_passkey_and_passes(buyers: Buyers) -> None:
    row = buyers.confirmed()

    after = act(row, PlayedDevice())

    assert after.state == "passed"
    assert services.passed("cs_1", "biometric", "cart A")
    assert moves_of(after)[-1] == ("interacting", "passed", "new passkey")
    assert after.ended_by == "Demo Shop"
    assert ("interventions.settled", {"subject": "cs_1"}) in buyers.world.queued


def test_the_contact_learns_of_the_new_passkey(buyers: Buyers) -> None:
    act(buyers.confirmed(), PlayedDevice())
    queued = [entry for entry in buyers.world.queued if entry[0] == devices.PASSKEY_MADE]
    buyers.world.queued = queued

    mail.outbox.clear()
    for kind, payload in queued:
        effects.EFFECTS[kind](payload)

    assert mail.outbox[0].to == [ADDRESS]
    assert "A passkey was made for this address" in str(mail.outbox[0].body)


def test_the_mail_says_that_the_code_is_not_for_agents(buyers: Buyers) -> None:
    """T47: it would let an agent make a passkey in the buyer's name."""
    buyers.code(buyers.enter())

    assert "Do not tell it to your agent" in str(mail.outbox[-1].body)


def test_no_answer_of_an_agent_reaches_the_code(buyers: Buyers) -> None:
    """T31: what the agent's API answers is of the kind that is pending."""
    row = buyers.enter()
    code = buyers.code(row)

    assert services.answer("cs_1", "otp", code).outcome == Answer.OTHER
    assert services.answer("cs_1", "biometric", code).outcome == Answer.OTHER
    assert devices.step(row) == Step.CONFIRM


@pytest.mark.requirement("T10")
def test_a_confirmed_contact_counts_for_one_page_only(buyers: Buyers) -> None:
    """A later page may be opened first by somebody else."""
    buyers.confirmed()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        later = buyers.enter()

        assert devices.step(later) == Step.CONFIRM


@pytest.mark.requirement("T12", "T13", "T14")
def test_the_code_counts_with_every_one_time_code(buyers: Buyers) -> None:
    """The attempts of a subject are shared with those at the agent's API."""
    row = buyers.enter()
    code = buyers.code(row)

    for number in range(5):
        services.answer("cs_1", CONTACT, other_than(code, number + 1))

    assert services.answer("cs_1", CONTACT, code).outcome in (Answer.NONE, Answer.OTHER)
    assert history("cs_1")[0] == 5


def test_who_has_a_passkey_confirms_with_it_and_with_nothing_else(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()

    begun = devices.begin(row.pk, BROWSER)

    assert begun.step == Step.USE
    with pytest.raises(Unproven):
        devices.finish(row.pk, BROWSER, PlayedDevice().use(begun.options))
    assert act(row, device).state == "passed"
    assert moves_of(row)[-1] == ("interacting", "passed", "passkey")
    assert Passkey.objects.get().last_used_at is not None


def test_who_has_a_passkey_is_not_made_another(buyers: Buyers) -> None:
    """T47: also with the contact confirmed."""
    buyers.with_passkey(PlayedDevice())
    row = buyers.confirmed()

    begun = devices.begin(row.pk, BROWSER)

    assert begun.step == Step.USE
    with pytest.raises(StaleRound):
        devices.finish(row.pk, BROWSER, PlayedDevice().make({"challenge": b64(b"c" * 40)}))
    assert Passkey.objects.count() == 1


def test_an_answer_to_make_is_none_once_there_is_a_passkey(buyers: Buyers) -> None:
    """Two pages at once: what the second was asked to make is not made any more."""
    first, second = buyers.confirmed("cs_1"), buyers.confirmed("cs_2")
    asked = devices.begin(second.pk, BROWSER)
    act(first, PlayedDevice())

    with pytest.raises(StaleRound):
        devices.finish(second.pk, BROWSER, PlayedDevice().make(asked.options))

    assert Passkey.objects.count() == 1


def test_a_passkey_of_somebody_else_is_none(buyers: Buyers) -> None:
    other = PlayedDevice()
    act(buyers.confirmed("cs_0", address="eve@example.com"), other)
    buyers.with_passkey(PlayedDevice(), "cs_2")
    row = buyers.enter("cs_3")

    with pytest.raises(Unproven):
        act(row, other)

    assert Intervention.objects.get(pk=row.pk).state == "interacting"


@pytest.mark.parametrize(
    "address",
    ["ada+eve@example.com", "\u212aate@example.com", "ada@example.org", "a da@example.com"],
)
def test_a_mailbox_that_only_looks_alike_is_another(buyers: Buyers, address: str) -> None:
    """The sign for kelvin is a letter K in lower case, and another mailbox."""
    act(buyers.confirmed("cs_0", address="kate@example.com"), PlayedDevice())
    act(buyers.confirmed("cs_1"), PlayedDevice())

    assert devices.step(buyers.ask("cs_2", address=address)) == Step.CONFIRM


def test_the_case_of_letters_is_no_other_mailbox(buyers: Buyers) -> None:
    buyers.with_passkey(PlayedDevice())

    assert devices.step(buyers.ask(address="Ada@Example.COM")) == Step.USE


def test_no_address_is_stored_and_none_can_be_guessed_from_what_is(buyers: Buyers) -> None:
    buyers.with_passkey(PlayedDevice())

    stored = Passkey.objects.values().get()
    assert ADDRESS not in repr(stored)
    assert stored["contact_digest"] == keyed(ADDRESS.encode(), devices.OWNER)
    assert stored["label"] == "a***@example.com"


def test_a_passkey_is_found_under_an_older_key(buyers: Buyers) -> None:
    """The keyed hashes change their key; the buyer's device stays theirs."""
    buyers.with_passkey(PlayedDevice())
    old = keyed(ADDRESS.encode(), devices.OWNER)

    def newer(value: bytes, purpose: str) -> str:
        return keyed(value, "newer " + purpose)

    ports.plug(replace(ports.ports(), digest=newer, digests=lambda *given: (newer(*given), keyed(*given))))

    assert old != newer(ADDRESS.encode(), devices.OWNER)
    assert devices.step(buyers.ask()) == Step.USE


@pytest.mark.requirement("T31")
def test_an_answer_counts_once(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    begun = devices.begin(row.pk, BROWSER)
    answer = device.use(begun.options)
    devices.finish(row.pk, BROWSER, answer)

    with pytest.raises(Over):
        devices.finish(row.pk, BROWSER, answer)


@pytest.mark.requirement("T31")
def test_an_answer_that_failed_does_not_come_again(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    begun = devices.begin(row.pk, BROWSER)
    with pytest.raises(Unproven):
        devices.finish(row.pk, BROWSER, PlayedDevice().use(begun.options))

    with pytest.raises(StaleRound):
        devices.finish(row.pk, BROWSER, device.use(begun.options))


@pytest.mark.requirement("T31")
def test_an_answer_of_another_purchase_proves_nothing(buyers: Buyers) -> None:
    """The same buyer, the same device, another cart."""
    device = PlayedDevice()
    buyers.with_passkey(device)
    cheap, dear = buyers.enter("cs_1"), buyers.enter("cs_2", binding="cart B")
    asked = devices.begin(cheap.pk, BROWSER)
    devices.begin(dear.pk, BROWSER)

    with pytest.raises(StaleRound):
        devices.finish(dear.pk, BROWSER, device.use(asked.options))
    assert Intervention.objects.get(pk=dear.pk).state == "interacting"


def test_an_answer_to_an_earlier_challenge_proves_nothing(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    first = devices.begin(row.pk, BROWSER)
    devices.begin(row.pk, BROWSER)

    with pytest.raises(StaleRound):
        devices.finish(row.pk, BROWSER, device.use(first.options))


def test_an_answer_that_comes_late_proves_nothing(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    begun = devices.begin(row.pk, BROWSER)

    late = timezone.now() + timedelta(seconds=devices.CHALLENGE_SECONDS + 2)
    with time_machine.travel(late), pytest.raises(StaleRound):
        devices.finish(row.pk, BROWSER, device.use(begun.options))


def test_the_time_in_a_challenge_cannot_be_moved(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    begun = devices.begin(row.pk, BROWSER)
    told = raw(begun.options["challenge"])
    later = told[: devices.RANDOM_BYTES] + (2**40).to_bytes(devices.TIME_BYTES, "big")

    with pytest.raises(StaleRound):
        devices.finish(row.pk, BROWSER, device.use({"challenge": b64(later)}))


@pytest.mark.requirement("T10", "T42")
def test_a_second_browser_can_do_nothing(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    begun = devices.begin(row.pk, BROWSER)

    with pytest.raises(TakenElsewhere):
        devices.begin(row.pk, "another browser")
    with pytest.raises(TakenElsewhere):
        devices.finish(row.pk, "another browser", device.use(begun.options))
    assert devices.finish(row.pk, BROWSER, device.use(begun.options)).state == "passed"


def test_a_changed_purchase_is_not_what_was_confirmed(buyers: Buyers) -> None:
    """Decision 21: the cart changed while the device was asked."""
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    begun = devices.begin(row.pk, BROWSER)
    buyers.ask(binding="cart B")

    with pytest.raises(Over):
        devices.finish(row.pk, BROWSER, device.use(begun.options))
    assert not services.passed("cs_1", "biometric", "cart B")


def test_five_answers_that_prove_nothing_are_the_end(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.enter()
    forger = PlayedDevice(credential_id=device.credential_id)

    for _ in range(4):
        with pytest.raises(Unproven):
            act(row, forger)
    after = act(row, forger)

    assert after.state == "failed"
    assert services.failed(row.pk)
    with pytest.raises(Over):
        devices.begin(row.pk, BROWSER)


def test_a_copy_of_the_device_is_noticed(buyers: Buyers) -> None:
    device = PlayedDevice(count=5)
    buyers.with_passkey(device)
    copy = PlayedDevice(count=device.count, credential_id=device.credential_id, key=device.key)
    assert act(buyers.enter("cs_1"), device).state == "passed"

    with pytest.raises(Unproven):
        act(buyers.enter("cs_2"), copy)


def test_a_key_that_somebody_has_is_not_made_again(buyers: Buyers) -> None:
    device = PlayedDevice()
    buyers.with_passkey(device)
    row = buyers.confirmed("cs_2", address="eve@example.com")

    with pytest.raises(Unproven):
        act(row, device)

    assert Passkey.objects.count() == 1
    assert Intervention.objects.get(pk=row.pk).state == "interacting"


def test_who_failed_or_refused_too_often_is_asked_no_more(buyers: Buyers) -> None:
    for _ in range(3):
        visits.refuse(buyers.enter().pk, BROWSER)

    with transaction.atomic():
        asked = services.ensure(
            "cs_1", "biometric", binding="cart A", amount=1, currency="usd", destination=ADDRESS
        )
    assert asked.limited


def test_a_deleted_passkey_is_made_anew(buyers: Buyers) -> None:
    buyers.with_passkey(PlayedDevice())
    Passkey.objects.all().delete()

    assert devices.step(buyers.ask()) == Step.CONFIRM


def test_without_devices_nobody_can_begin(buyers: Buyers) -> None:
    row = buyers.confirmed()
    ports.plug(replace(ports.ports(), providers={"otp": object()}))

    assert not devices.offered(row)
    with pytest.raises(NotFound):
        devices.begin(row.pk, BROWSER)


def test_no_challenge_is_stored(buyers: Buyers) -> None:
    row = buyers.confirmed()

    begun = devices.begin(row.pk, BROWSER)

    stored = repr(Intervention.objects.values().get(pk=row.pk))
    assert begun.options["challenge"] not in stored
    assert raw(begun.options["challenge"]).hex() not in stored
    assert json.dumps(begun.options["challenge"]) not in stored
