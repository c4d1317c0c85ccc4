"""What is asked of the sandbox bank: by payment providers under their name, by agents with a challenge.

POST  challenges                      a provider wants a holder asked
GET   challenges/<id>                 how it went
POST  challenges/<id>/verification    whether a proof is ours
POST  challenges/<id>/run             an agent has its user asked, and gets a proof
POST  challenges/<id>/authentication  a provider runs 3-D Secure for an agent
GET   challenges/<id>/proof           and is given the proof when the holder said yes
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.http import HttpRequest, JsonResponse

from gateway.wallet.asking import CURRENCY, ID, MOST_MINOR_UNITS
from gateway.wallet.challenges import AUTHENTICATED, BEHAVIOURS, Challenge, Challenges
from gateway.wallet.endpoints import Endpoint, client_of
from gateway.wallet.registration import BANK, Client, registration

LONGEST_BODY = 16 * 1024

OUTCOMES = {"deny": "denied", "leave": "abandoned", "error": "internal_error"}
"""What an agent is told when its user did not approve."""


WITHOUT_ASKING = {"frictionless": "issued", "deny": "denied", "unavailable": "unavailable"}
"""How 3-D Secure for an agent ends at once, by what the bank does about the holder."""
RETURN_TO = re.compile(r"https?://[A-Za-z0-9.:\[\]-]{1,255}(?:/[!#-&(-~]{0,1700})?", re.ASCII)
"""An address of an agent, which whoever runs 3-D Secure for it vouches for."""


def challenges() -> Challenges:
    """The bank's books."""
    return Challenges(registration(BANK).books)


class ForProviders(Endpoint):
    """Asked under a name and a secret."""

    def asker(self, request: HttpRequest) -> Client | None:
        return client_of(request, registration(BANK).clients)

    def challenge(self, client: Client, challenge: str) -> Challenge | None:
        """The challenge, when this client asked for it."""
        found = challenges().find(challenge)
        return found if found is not None and found.client == client.id else None


class Asking(ForProviders):
    """A holder is to be asked."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> JsonResponse:
        client, asked = self.asker(request), _body(request)
        if client is None:
            return self.unauthorized()
        if not _in_order(asked):
            return self.answer({"error": "invalid_request"}, 400)
        found = challenges().ask(
            client.id, asked["key"], asked["amount"], asked["currency"], asked["behaviour"]
        )
        if found is None:
            return self.answer({"error": "another_amount"}, 409)
        return self.answer({"id": found.id, "status": found.status}, 201)


class Known(ForProviders):
    """How it went."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, challenge: str) -> JsonResponse:
        client = self.asker(request)
        if client is None:
            return self.unauthorized()
        found = self.challenge(client, challenge)
        if found is None:
            return self.answer({"error": "not_found"}, 404)
        return self.answer(_told(found))


class Authentication(ForProviders):
    """3-D Secure is run for an agent: decided by what is known of the holder, or they are asked."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, challenge: str) -> JsonResponse:
        client, return_to = self.asker(request), _body(request).get("return_to")
        if client is None:
            return self.unauthorized()
        found = self.challenge(client, challenge)
        if found is None:
            return self.answer({"error": "not_found"}, 404)
        if not isinstance(return_to, str) or not RETURN_TO.fullmatch(return_to):
            return self.answer({"error": "invalid_request"}, 400)
        challenges().begin(found, return_to)
        if to := WITHOUT_ASKING.get(found.behaviour):
            found = challenges().move(found, to)
        return self.answer(_told(found))


class ProofOf(ForProviders):
    """The proof, for who ran 3-D Secure and nobody else."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, challenge: str) -> JsonResponse:
        client = self.asker(request)
        if client is None:
            return self.unauthorized()
        found = self.challenge(client, challenge)
        if found is None or found.status != "issued" or challenges().run(found) is None:
            return self.answer({"error": "not_found"}, 404)
        return self.answer(_proof(found))


class Verification(ForProviders):
    """Whether a proof is ours, for this amount."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, challenge: str) -> JsonResponse:
        client, asked = self.asker(request), _body(request)
        if client is None:
            return self.unauthorized()
        found = self.challenge(client, challenge)
        if found is None:
            return self.answer({"error": "not_found"}, 404)
        given = [
            str(asked.get(name, ""))
            for name in ("three_ds_cryptogram", "transaction_id", "electronic_commerce_indicator")
        ]
        same = (asked.get("amount"), asked.get("currency")) == (found.amount, found.currency)
        return self.answer({"verified": same and challenges().proves(found, *given)})


class Run(Endpoint):
    """An agent has its user asked: the answer is an `authentication_result`, to be brought to the merchant.

    Who knows the challenge was told of it by the merchant; the user stands for the device and app
    that a real bank would see.
    """

    http_method_names = ["post"]

    def post(self, request: HttpRequest, challenge: str) -> JsonResponse:
        found = challenges().find(challenge)
        if found is None:
            return self.answer({"error": "not_found"}, 404)
        decision = _body(request).get("decision")
        if decision not in ("approve", *OUTCOMES):
            return self.answer({"error": "invalid_request"}, 400)
        outcome = decide(found, decision, to="issued")
        if outcome != "authenticated":
            return self.answer({"outcome": outcome})
        return self.answer({"outcome": outcome, "outcome_details": _proof(found)})


def decide(found: Challenge, decision: str, *, to: str) -> str:
    """How it ended, in the words of an `authentication_result`. `to`: what a yes is written down as."""
    books = challenges()
    if found.behaviour == "unavailable":
        books.move(found, "unavailable")
        return "not_supported"
    if found.behaviour == "deny" or decision == "deny":
        books.move(found, "denied")
        return "denied"
    if decision != "approve":
        return OUTCOMES[decision]
    ended = books.move(found, to)
    return "authenticated" if ended.status == to else "denied"


def _told(found: Challenge) -> dict[str, Any]:
    """What a provider is told of its challenge."""
    told: dict[str, Any] = {"id": found.id, "status": found.status, "transaction_id": found.transaction_id}
    told |= {"amount": found.amount, "currency": found.currency}
    if found.status == "authenticated":
        told["eci"] = AUTHENTICATED
    run = challenges().run(found)
    return told | ({"left": True} if run is not None and run.abandoned else {})


def _proof(found: Challenge) -> dict[str, str]:
    proof = challenges().proof(found)
    return {
        "three_ds_cryptogram": proof.cryptogram,
        "electronic_commerce_indicator": proof.eci,
        "transaction_id": proof.transaction_id,
        "version": proof.version,
    }


def _in_order(asked: dict[str, Any]) -> bool:
    key, currency, amount = asked.get("key"), asked.get("currency"), asked.get("amount")
    return (
        isinstance(key, str)
        and ID.fullmatch(key) is not None
        and isinstance(currency, str)
        and CURRENCY.fullmatch(currency) is not None
        and type(amount) is int
        and 0 <= amount <= MOST_MINOR_UNITS
        and asked.get("behaviour") in BEHAVIOURS
    )


def _body(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > LONGEST_BODY:
        return {}
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
