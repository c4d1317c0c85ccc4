"""What proves who somebody is, is nowhere to be read: neither in the database nor in a log nor in an answer
(reliability-security T94)."""

from __future__ import annotations

import logging

import pytest
from django.apps import apps
from django.db import connection

from gateway.aauth import vouching
from tests.aauth.agents import ACP, Provider, SignedAgent
from tests.agents import ADDRESS, MINIMAL, paying


def everything_stored() -> str:
    """Every row of every table, as text."""
    found = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            found += [repr(row) for row in cursor.fetchall()]
    return "\n".join(found)


def canaries(agent: SignedAgent, headers: dict[str, str]) -> list[str]:
    token = agent.token
    return [token, token.split(".")[2], headers["Signature"].strip("sig=:"), *token.split(".")[:2]]


@pytest.mark.requirement("AA-404")
def test_no_token_and_no_signature_is_kept_or_logged(
    signer: SignedAgent, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent = signer.signed("POST", ACP + "/checkout_sessions", b'{"x": 1}', {"API-Version": "2026-04-17"})
    told = canaries(signer, sent)
    answers = [signer.raw("POST", ACP + "/checkout_sessions", b'{"x": 1}', sent)]
    answers.append(signer.acp("/checkout_sessions", {**MINIMAL, "fulfillment_details": {"address": ADDRESS}}))
    answers.append(signer.acp(f"/checkout_sessions/{answers[-1].json()['id']}/complete", paying()))
    liar = SignedAgent("liar", provider=Provider())
    forged = liar.signed("POST", ACP + "/checkout_sessions", b"{}", {"API-Version": "2026-04-17"})
    told += canaries(liar, forged)
    answers.append(liar.raw("POST", ACP + "/checkout_sessions", b"{}", forged))

    assert [answer.status_code for answer in answers] == [400, 201, 200, 401]
    stored, logged = everything_stored(), caplog.text
    for canary in told:
        assert len(canary) > 20
        assert canary not in stored
        assert canary not in logged
        assert all(canary not in answer.content.decode() + repr(answer.headers) for answer in answers)
        assert canary not in repr(vouching._verified)
