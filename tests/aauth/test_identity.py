"""Who signed a request, over HTTP: requirement 1e; decision 30; reliability-security T54."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.http import HttpResponse

from checkout.models import CheckoutSession
from gateway.models import Agent
from tests.aauth.agents import ACP, SignedAgent
from tests.agents import MINIMAL

SESSIONS = "/checkout_sessions"


@pytest.mark.requirement("AA-400", "AA-405", "AA-411")
@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_a_signature_takes_the_place_of_a_key(signer: SignedAgent, alg: str) -> None:
    signer.renew(alg)

    answer = signer.acp(SESSIONS, MINIMAL)

    assert answer.status_code == 201, answer.content
    session = CheckoutSession.objects.get()
    assert session.owner == signer.owner
    assert signer.acp(f"{SESSIONS}/{session.pk}").status_code == 200
