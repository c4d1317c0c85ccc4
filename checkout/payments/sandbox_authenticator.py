"""3-D Secure for agents that hold a test card, run with the sandbox bank.

One that names a checkout session is about the payment that waits there, and about nothing else: the
bank's proof is for that amount, and was asked for by that payment's own challenge (T34).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from datetime import timedelta

from django.utils import timezone

from checkout.errors import Invalid, Missing, NotFound, ProviderUnavailable
from checkout.models import CheckoutSession, SandboxCharge
from checkout.payments import sandbox_cards
from checkout.payments.authenticator import (
    Authentication,
    ChallengePage,
    Fingerprint,
    Place,
    Result,
    Wanted,
)
from checkout.payments.sandbox import CHALLENGED, HANDLERS
from checkout.payments.sandbox_bank import SandboxBank, Seen
from checkout.payments.vault import CARD, CardRefused
from checkout.sandbox_models import SandboxAuthentication
from interventions.ports import ports
from interventions.prepared import insert

LIVES = timedelta(minutes=15)
SESSION = "$.checkout_session_id"
VERSION = "2.2.0"
FORM = re.compile(r"das_[0-9a-f]{1,32}", re.ASCII)

LOOKING, PENDING, ASKING, LEFT, EXPIRED = (
    "fingerprint",
    "pending",
    "challenge",
    "challenge_abandoned",
    "expired",
)
"""How a run stands that has not ended: the browser is looked at, nothing is to be done, the holder is
asked, or has left and may come back. The ends are the words of the protocol."""
BEGUN = (LOOKING, PENDING)
WITH_THE_HOLDER = (ASKING, LEFT)
LETTERS = {"authenticated": "Y", "not_authenticated": "N", "rejected": "R", "unavailable": "U"}


class SandboxAuthenticator:
    """Implements `authenticator.DelegatedAuthenticator`. Without a bank no card supports it."""

    def __init__(self, bank: SandboxBank | None = None) -> None:
        self._bank = bank

    def create(self, wanted: Wanted, *, owner: str, key: str) -> Authentication:
        known = sandbox_cards.CARDS.get(wanted.card.number)
        if known is None:
            raise CardRefused("The sandbox takes published test cards only.", param=f"{CARD}.number")
        behaviour = known.authentication
        if behaviour == "frictionless" and wanted.prefers_challenge:
            behaviour = "ask"
        browser = wanted.place.browser
        looked_at = browser is None or browser.get("javascript_enabled") is True
        row = SandboxAuthentication(
            owner=owner,
            key=key,
            session=wanted.place.session_id,
            amount=wanted.amount,
            currency=wanted.currency,
            card_digest=sandbox_cards.digest(wanted.card.number),
            behaviour=behaviour,
            state=LOOKING if looked_at else PENDING,
            has_channel=browser is not None,
            return_url=wanted.place.return_url,
            server_id=uuid.uuid4(),
            acs_id=uuid.uuid4(),
            expires_at=timezone.now() + LIVES,
        )
        if wanted.place.session_id:
            if wanted.merchant_id != HANDLERS[0].config["merchant_id"]:
                raise Invalid("This merchant has another id here.", param="$.merchant_id")
            digests = ports().known_digests(wanted.card.number.encode(), sandbox_cards.PURPOSE)
            row.challenge = _waiting(row, digests).challenge
        if self._bank is None or behaviour == "none":
            row.state = "not_supported"
        elif not row.challenge:
            row.challenge = self._bank.ask(f"das:{key}", wanted.amount, wanted.currency, behaviour)
        if not insert([row], unless_there=True):
            row = SandboxAuthentication.objects.get(key=key)
        return self._as_it_stands(row)

    def authenticate(self, id: str, *, owner: str, fingerprint: str, place: Place) -> Authentication:
        row = self._now(_of(owner, id))
        if row.state == "not_supported":
            raise Invalid("This card does not support 3-D Secure.")
        if row.state in BEGUN:
            _complete(row, place)
            seen = self._asked().authenticate(row.challenge, row.return_url)
            _move(row, BEGUN, _state(row, seen))
        return self._as_it_stands(row)

    def retrieve(self, id: str, *, owner: str) -> Authentication:
        return self._as_it_stands(self._now(_of(owner, id)), result=True)

    def _now(self, row: SandboxAuthentication) -> SandboxAuthentication:
        """The run, after the bank was asked what the holder did meanwhile, and after its time is over."""
        if row.state in WITH_THE_HOLDER:
            _move(row, WITH_THE_HOLDER, _state(row, self._asked().seen(row.challenge)))
        if row.state in (*BEGUN, *WITH_THE_HOLDER) and row.expires_at <= timezone.now():
            _move(row, (row.state,), EXPIRED)
        return row

    def _as_it_stands(self, row: SandboxAuthentication, *, result: bool = False) -> Authentication:
        id, server = row.id, str(row.server_id)
        if row.state == LOOKING:
            page = Fingerprint(self._asked().fingerprint(row.challenge), server)
            return Authentication(id, "action_required", page)
        if row.state == ASKING:
            url = self._asked().page(row.challenge)
            return Authentication(id, "action_required", ChallengePage(url, str(row.acs_id), server, VERSION))
        found = self._result(row) if result and row.state in LETTERS else None
        return Authentication(id, row.state, result=found)

    def _result(self, row: SandboxAuthentication) -> Result:
        """Asked of the bank again each time: its proof is stored nowhere else."""
        bank, letter = self._asked(), LETTERS[row.state]
        if letter != "Y":
            seen = bank.seen(row.challenge)
            return Result(letter, seen.transaction_id, str(row.server_id), VERSION)
        proof = bank.proof(row.challenge)
        return Result(
            letter,
            str(proof["transaction_id"]),
            str(row.server_id),
            VERSION,
            eci=str(proof["electronic_commerce_indicator"]),
            cryptogram=str(proof["three_ds_cryptogram"]),
        )

    def _asked(self) -> SandboxBank:
        if self._bank is None:  # it was there when the run began
            raise ProviderUnavailable
        return self._bank


def _of(owner: str, id: str) -> SandboxAuthentication:
    # Anything else was never given out; it may be a secret, and goes into no statement.
    ours = SandboxAuthentication.objects.filter(owner=owner, pk=id) if FORM.fullmatch(id) else None
    row = ours.first() if ours is not None else None
    if row is None:
        raise NotFound("There is no such authentication session.")
    return row


def _complete(row: SandboxAuthentication, place: Place) -> None:
    """The run knows where the holder is, and for which payment it is (ACP-206); said once, it stays."""
    if place.session_id and place.session_id != row.session:
        if row.session:
            raise Invalid("This authentication is for another checkout session.", param=SESSION)
        row.session = place.session_id
        row.challenge = _waiting(row, (row.card_digest,)).challenge
    row.has_channel = row.has_channel or place.browser is not None
    row.return_url = place.return_url or row.return_url
    if not row.has_channel:
        raise Missing("Say where the holder is: here, or on create.", param="$.channel")
    if not row.return_url:
        text = "Say where the browser comes back to: here, or on create."
        raise Missing(text, param="$.challenge_notification_url")
    row.save(update_fields=["session", "challenge", "has_channel", "return_url"])


def _waiting(row: SandboxAuthentication, digests: Collection[str]) -> SandboxCharge:
    """The payment that waits in the session, if it is the one that the run is for. Raises Invalid."""
    try:
        CheckoutSession.objects.of(row.owner).one(row.session)
    except NotFound as problem:
        raise Invalid(problem.message, param=SESSION) from None
    charge = SandboxCharge.objects.filter(session=row.session, outcome=CHALLENGED).first()
    if charge is None:
        raise Invalid("This checkout session waits for no 3-D Secure.", param=SESSION)
    if charge.amount != row.amount:
        raise Invalid("The payment that waits is of another amount.", param="$.amount.value")
    if charge.currency != row.currency:
        raise Invalid("The payment that waits is in another currency.", param="$.amount.currency")
    if charge.card_digest not in digests:
        raise Invalid("The payment that waits is made with another card.", param=f"{CARD}.number")
    return charge


def _state(row: SandboxAuthentication, seen: Seen) -> str:
    """How the run stands by the bank's word."""
    match seen.status:
        case "issued" | "authenticated":
            return "authenticated"
        case "denied":
            return "rejected" if row.behaviour == "deny" else "not_authenticated"
        case "unavailable":
            return "unavailable"
        case _:
            return LEFT if seen.left else ASKING


def _move(row: SandboxAuthentication, before: Collection[str], to: str) -> None:
    """The run stands so; or as somebody else left it, who was first."""
    if SandboxAuthentication.objects.filter(pk=row.pk, state__in=before).update(state=to):
        row.state = to
    else:
        row.refresh_from_db()
