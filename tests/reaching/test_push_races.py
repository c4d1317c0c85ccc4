"""Persons at the same moment: one device is one person's."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.utils import timezone

from interventions import push_devices, push_subscriptions
from interventions.reach_models import ReachChannel
from tests.crowd import at_once
from tests.reaching.browsers import Browser, PushService

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

PERSONS = 8

Confirm = Callable[[str, str], object]


def owners(service: PushService, confirm: Confirm) -> list[str]:
    """So many persons hold the same device in turns, and their proofs arrive at once; whose it is then."""
    subscription = push_subscriptions.read(Browser(service).subscription)
    rows = [push_devices.register(str(number), subscription) for number in range(PERSONS)]
    secrets = [push_devices.to_prove(row) for row in rows]

    at_once(PERSONS, lambda number: confirm(str(number), secrets[number]))

    return [row.person for row in ReachChannel.objects.filter(verified_at__isnull=False)]


@pytest.mark.requirement("AA-210")
def test_a_device_that_several_prove_at_once_is_one_persons(service: PushService) -> None:
    for _ in range(5):
        assert len(owners(service, push_devices.confirm)) == 1
        assert ReachChannel.objects.count() == 1
        ReachChannel.objects.all().delete()


@pytest.mark.requirement("AA-210")
def test_without_the_lock_it_would_be_several_persons(service: PushService) -> None:
    """The negative control: the same crowd, and each takes it from whoever it sees to have it."""
    gate = threading.Barrier(PERSONS)

    def looked(person: str, secret: str) -> None:
        ReachChannel.objects.exclude(person=person).filter(verified_at__isnull=False).delete()
        gate.wait(60)
        push_devices.of_person(person).update(verified_at=timezone.now())

    assert len(owners(service, looked)) > 1
