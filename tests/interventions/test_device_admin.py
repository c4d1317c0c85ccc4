"""Operators see passkeys and delete lost ones; they make none, and see nothing that tells whose they are."""

from __future__ import annotations

import pytest
from django.test import Client

from interventions.models import Passkey
from tests.operators import listing, log_in, page

pytestmark = pytest.mark.django_db

DIGEST, NAME = "d" * 64, "name-of-the-credential"


@pytest.fixture
def operator() -> Client:
    return log_in()


@pytest.fixture
def passkey() -> Passkey:
    return Passkey.objects.create(
        contact_digest=DIGEST, credential_id=NAME, public_key=b"key", label="a***@example.com"
    )


def test_a_passkey_is_listed_without_what_identifies_it(operator: Client, passkey: Passkey) -> None:
    for address in (listing(Passkey), page(passkey)):
        shown = operator.get(address)

        assert shown.status_code == 200
        assert "a***@example.com" in shown.text
        assert DIGEST not in shown.text
        assert NAME not in shown.text


def test_nobody_makes_or_changes_one_by_hand(operator: Client, passkey: Passkey) -> None:
    assert operator.post(listing(Passkey) + "add/", {}).status_code == 403
    assert operator.post(page(passkey), {"label": "x"}).status_code == 403


def test_a_lost_one_is_deleted(operator: Client, passkey: Passkey) -> None:
    operator.post(page(passkey).replace("/change/", "/delete/"), {"post": "yes"})

    assert not Passkey.objects.exists()
