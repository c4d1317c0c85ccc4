"""A person confirms at an OpenID Connect provider: against the sandbox wallet, a process of its own that
knows nothing of us (ACP-154, ACP-160, ACP-161; reliability-security T30 to T32)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import pytest

from gateway.egress import Egress
from interventions.errors import ProviderSilent
from interventions.http import Reply
from interventions.ports import Challenge, NotYet, Passed, Refused
from interventions.providers.openid import Arrangement, Begun, OpenIdProvider
from tests.project.server import free_port
from tests.wallet.process import RETURN_TO, SECRET, Wallet, brought_back, decide

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def wallet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wallet]:
    with Wallet(tmp_path_factory.mktemp("wallet")) as running:
        yield running


def arrangement(issuer: str) -> Arrangement:
    return Arrangement(
        issuer=issuer,
        client_id="demo-shop",
        client_secret=SECRET,
        readback_url=issuer + "/confirmations/{id}",
        embed_url=issuer + "/embed",
        loopback_http=True,
        timeout_seconds=10,
    )


def provider(issuer: str) -> OpenIdProvider:
    """Asks through the guarded client, as in production."""
    http = Egress(loopback=frozenset({urlsplit(issuer).netloc}))
    return OpenIdProvider(arrangement(issuer), http)


def challenge(kind: str = "redirect") -> Challenge:
    return Challenge(
        "int_" + secrets.token_hex(16), kind, "cs_" + secrets.token_hex(16), amount=49_999, currency="usd"
    )


class Trip:
    """One person was sent away to confirm one purchase, and comes back."""

    def __init__(self, part: OpenIdProvider) -> None:
        self.challenge, self.state = challenge(), secrets.token_urlsafe(32)
        self.begun: Begun = part.begin(self.challenge, return_to=RETURN_TO, state=self.state)

    def back(self, decision: str = "approve", behaviour: str = "well", **more: str) -> dict[str, str]:
        brought = brought_back(decide(self.begun.url, decision, behaviour, **more))
        return {**brought, **self.begun.memory, "return_to": RETURN_TO}


class Impatient:
    """Waits a second for a token, and as long as ever for anything else."""

    def __init__(self, http: Egress) -> None:
        self._http = http

    def request(self, method: str, url: str, **given: Any) -> Reply:
        if method == "POST":
            given["timeout_seconds"] = 1
        return self._http.request(method, url, **given)


# The verdict is the provider's ---------------------------------------------------------------


def test_an_approval_passes_by_what_came_back_and_by_the_books(wallet: Wallet) -> None:
    part = provider(wallet.issuer)
    trip = Trip(part)

    assert part.verify(trip.challenge, {}) == NotYet()
    brought = trip.back()
    assert brought["state"] == trip.state
    assert part.verify(trip.challenge, brought) == Passed()
    assert part.verify(trip.challenge, {}) == Passed()


def test_a_token_signed_with_rsa_passes(tmp_path: Path) -> None:
    with Wallet(tmp_path, "--algorithm", "RS256") as rsa:
        part = provider(rsa.issuer)
        trip = Trip(part)

        assert part.verify(trip.challenge, trip.back()) == Passed()


def test_a_denial_is_a_refusal(wallet: Wallet) -> None:
    part = provider(wallet.issuer)
    trip = Trip(part)
    brought = trip.back("deny")

    assert brought["error"] == "access_denied"
    assert part.verify(trip.challenge, brought) == Refused("denied")
    assert part.verify(trip.challenge, {}) == Refused("denied")


def test_who_left_has_not_decided_and_may_come_back(wallet: Wallet) -> None:
    part = provider(wallet.issuer)
    trip = Trip(part)
    decide(trip.begun.url, "leave")

    assert part.verify(trip.challenge, {}) == NotYet()
    assert part.verify(trip.challenge, trip.back()) == Passed()


def test_an_error_is_no_verdict(wallet: Wallet) -> None:
    part = provider(wallet.issuer)
    trip = Trip(part)

    assert part.verify(trip.challenge, trip.back(behaviour="error")) == NotYet()


@pytest.mark.parametrize(
    "invented",
    [
        {"error": "access_denied"},
        {"code": "", "iss": "", "error": ""},
        {"callback_data": "approved=true"},
        {"code": "invented"},
        {"code": "invented", "nonce": "n", "code_verifier": "v" * 43, "return_to": RETURN_TO},
        {"code": "invented", "nonce": "n", "code_verifier": "", "return_to": RETURN_TO},
        {"code": "\x00é" * 300, "nonce": "n", "code_verifier": "v" * 43, "return_to": "javascript:alert(1)"},
    ],
)
def test_what_somebody_invents_proves_nothing(wallet: Wallet, invented: dict[str, str]) -> None:
    """T31: not even a denial, before the person has decided."""
    part = provider(wallet.issuer)
    trip = Trip(part)

    assert part.verify(trip.challenge, invented) == NotYet()


# Swapped, replayed, misdirected --------------------------------------------------------------


def test_a_code_is_worth_something_once(wallet: Wallet) -> None:
    part = provider(wallet.issuer)
    trip = Trip(part)
    brought = trip.back()

    assert part.verify(trip.challenge, brought) == Passed()
    assert part.verify(trip.challenge, brought) == NotYet()


@pytest.mark.parametrize("name", ["nonce", "code_verifier", "return_to"])
@pytest.mark.parametrize("missing", [True, False])
def test_a_code_belongs_to_the_browser_that_left(wallet: Wallet, name: str, missing: bool) -> None:
    """T32: a code alone, stolen from an address bar, is worth nothing."""
    part = provider(wallet.issuer)
    trip, other = Trip(part), Trip(part)
    theirs = {**other.begun.memory, "return_to": RETURN_TO.replace("ticket_1", "ticket_2")}

    brought = trip.back() | {name: "" if missing else theirs[name]}

    assert part.verify(trip.challenge, brought) == NotYet()


def test_a_yes_for_one_purchase_is_none_for_another(wallet: Wallet) -> None:
    """T32."""
    part = provider(wallet.issuer)
    trip, other = Trip(part), Trip(part)

    assert part.verify(other.challenge, trip.back()) == NotYet()
    assert part.verify(other.challenge, {}) == NotYet()


def test_a_wrong_state_comes_back_wrong(wallet: Wallet) -> None:
    """Comparing it is for whoever keeps it; here it is seen that there is something to compare."""
    trip = Trip(provider(wallet.issuer))

    assert trip.back(behaviour="wrong_state")["state"] != trip.state


@pytest.mark.parametrize(
    "behaviour",
    "wrong_nonce wrong_issuer wrong_audience wrong_confirmation bad_signature unsigned expired".split(),
)
def test_a_token_that_is_not_right_proves_nothing(wallet: Wallet, behaviour: str) -> None:
    part = provider(wallet.issuer)
    trip = Trip(part)
    brought = trip.back(behaviour=behaviour) | {"iss": ""}

    assert part.verify(trip.challenge, brought) == NotYet()


def test_an_answer_of_another_issuer_is_not_redeemed(wallet: Wallet) -> None:
    """RFC 9207: the code stays unused."""
    part = provider(wallet.issuer)
    trip = Trip(part)
    brought = trip.back()

    assert part.verify(trip.challenge, brought | {"iss": "https://wallet.invalid"}) == NotYet()
    assert part.verify(trip.challenge, brought) == Passed()


def test_a_yes_to_another_amount_is_no_yes(wallet: Wallet) -> None:
    """T40: signed by the provider, and still not what the person was to confirm."""
    part = provider(wallet.issuer)
    trip = Trip(part)

    assert part.verify(trip.challenge, trip.back(behaviour="wrong_amount")) == Refused("another amount")


@pytest.mark.parametrize("change", [("49999", "1"), ("usd", "jpy")], ids=["amount", "currency"])
def test_an_address_that_was_changed_on_the_way_confirms_nothing(
    wallet: Wallet, change: tuple[str, str]
) -> None:
    """T40: whoever passes the address on may ask the person for less."""
    part = provider(wallet.issuer)
    trip = Trip(part)
    address = urlsplit(trip.begun.url)
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    query["confirmation"] = query["confirmation"].replace(*change)
    brought = brought_back(decide(urlunsplit(address._replace(query=urlencode(query)))))

    assert part.verify(trip.challenge, {**brought, **trip.begun.memory, "return_to": RETURN_TO}) == Refused(
        "another amount"
    )
    assert part.verify(trip.challenge, {}) == Refused("another amount")


# When it cannot be asked ---------------------------------------------------------------------


def test_a_slow_provider_is_silent_and_its_books_know_later(wallet: Wallet) -> None:
    http = Egress(loopback=frozenset({urlsplit(wallet.issuer).netloc}))
    part = OpenIdProvider(arrangement(wallet.issuer), Impatient(http))
    trip = Trip(part)
    brought = trip.back(behaviour="slow", slow_seconds="30")

    with pytest.raises(ProviderSilent):
        part.verify(trip.challenge, brought)
    assert provider(wallet.issuer).verify(trip.challenge, {}) == Passed()


def test_nobody_there_is_silent() -> None:
    part = provider(f"http://127.0.0.1:{free_port()}")

    with pytest.raises(ProviderSilent):
        part.begin(challenge(), return_to=RETURN_TO, state="s")
    with pytest.raises(ProviderSilent):
        part.verify(challenge(), {})


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_wrong_credentials_are_ours_to_mend_and_no_verdict(wallet: Wallet, wrong: str) -> None:
    http = Egress(loopback=frozenset({urlsplit(wallet.issuer).netloc}))
    mistaken = OpenIdProvider(replace(arrangement(wallet.issuer), **{wrong: "another"}), http)
    trip = Trip(provider(wallet.issuer))

    with pytest.raises(ProviderSilent):
        mistaken.verify(trip.challenge, trip.back())
    with pytest.raises(ProviderSilent):
        mistaken.verify(trip.challenge, {})


# Where people are sent -----------------------------------------------------------------------


def test_a_person_is_sent_to_the_provider_and_carries_no_secret(wallet: Wallet) -> None:
    part = provider(wallet.issuer)
    trip = Trip(part)

    address = urlsplit(trip.begun.url)
    assert f"{address.scheme}://{address.netloc}" in part.origins
    assert address.path == "/authorize"
    assert parse_qs(address.query)["state"] == [trip.state]
    assert trip.begun.memory["code_verifier"] not in trip.begun.url
    assert SECRET not in trip.begun.url
    assert "code_verifier" not in repr(trip.begun)
    assert SECRET not in repr(arrangement(wallet.issuer))


def test_an_embedded_confirmation_has_a_page_of_its_own_and_the_books_decide(wallet: Wallet) -> None:
    part, asked = provider(wallet.issuer), challenge("webview")
    begun = part.begin(asked, return_to=RETURN_TO, state="s" * 43)

    assert urlsplit(begun.url).path == "/embed"
    assert decide(begun.url).status_code == 200
    assert part.verify(asked, {}) == Passed()
