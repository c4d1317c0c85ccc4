"""The account for agents that speak an older wording: AA-405, AA-410, AA-412, decision 29."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.aauth import tokens
from gateway.aauth.person_server import keys
from tests.aauth.person_server.accounts import (
    PERSON_REQUIRED,
    US,
    OwnAgent,
    asks,
    claims,
    having_accounts,
    on_record,
    resource_token,
    someone,
)
from tests.aauth.persons import body


@pytest.mark.requirement("AA-405", "AA-410")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_agents_of_older_texts_are_challenged_at_once(counter: None, wording: str) -> None:
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        agent.key = agent.provider.key
        answer = asks(agent, query="?scope=orders", signature_key=agent.by_its_name)

        assert answer.status_code == 401
        if wording == "draft-11":
            assert answer.headers["Signature-Error"] == "error=invalid_signature"
            assert not {"AAuth", "AAuth-Requirement"} & set(answer.headers)
            return
        header, said = resource_token(answer, "AAuth")
        assert (header["typ"], header["alg"]) == ("resource+jwt", "EdDSA")
        assert {name: said[name] for name in ("iss", "aud", "agent", "agent_jkt", "scope")} == {
            "iss": US,
            "aud": US,
            "agent": agent.provider.issuer,
            "agent_jkt": agent.thumbprint,
            "scope": "orders",
        }
        assert answer.headers["AAuth"].startswith('require=auth-token; resource-token="')
        assert answer.headers["AAuth"].endswith(f'auth-server="{US}"')
        assert answer.headers["AAuth-Requirement"].startswith('requirement=auth-token; resource-token="')
    if wording == "seed":
        assert answer.content == b"Authorization required"
        assert answer.headers["Content-Type"].startswith("text/plain")
    else:
        assert body(answer)["detail"] == "Authorization required"


@pytest.mark.requirement("AA-405", "AA-410")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_a_bare_key_is_nobodys(counter: None, wording: str) -> None:
    """There is no person to ask: it is told to say who it is."""
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        answer = asks(agent, signature_key=agent.by_its_key)

    assert answer.status_code == 401
    if wording == "draft-11":
        assert answer.headers["Signature-Error"] == "error=unsupported_scheme"
        assert answer.headers["AAuth-Requirement"] == PERSON_REQUIRED
    else:
        assert body(answer)["error"] == "agent_token_required"
        assert answer.headers["AAuth-Requirement"] == "requirement=agent-token"
        assert answer.headers["AAuth"] == "require=identity"


@pytest.mark.requirement("AA-412")
@pytest.mark.parametrize("wording", ["draft-11", "dual", "seed"])
def test_a_token_of_older_texts_opens_it_where_they_are_understood(counter: None, wording: str) -> None:
    with having_accounts(OwnAgent(AAUTH_WORDING=wording)) as agent:
        ada = someone()
        said = {**claims(agent, ada, scope="profile"), "agent": agent.sub}
        on_record(agent, ada, said, tokens.AUTH)

        answer = asks(agent, keys.sign(said, tokens.OLDER_AUTH))

        if wording == "draft-11":
            assert answer.headers["Signature-Error"] == "error=invalid_jwt"
            return
        profile = {"name": "Ada Byron", "email": "ada@example.com"}
        assert answer.status_code == 200
        expected: dict[str, Any] = {"scope": "profile", "profile": profile}
        if wording == "seed":
            expected |= {
                "message": "Access granted",
                "scheme": "jwt",
                "token_type": "auth+jwt",
                "method": "GET",
                "agent": agent.sub,
                "agent_delegate": None,
            }
        assert body(answer) == expected
