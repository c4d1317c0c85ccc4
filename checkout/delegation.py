"""An agent hands over a card and gets a token for it (acp.md section N).

The card is on its way to the vault and nowhere else: it is in no row, no log and no exception here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from checkout.errors import Invalid, ProviderUnavailable
from checkout.payments.authenticator import Authentication, DelegatedAuthenticator, Place, Wanted
from checkout.payments.vault import CARD, Allowance, Card, CardRefused, Vault, VaultToken
from checkout.ports import ports


def delegate(
    card: Card,
    allowance: Allowance,
    *,
    billing_address: Mapping[str, str] | None,
    risk_signals: Sequence[Mapping[str, object]],
    metadata: Mapping[str, str],
    key: str,
    seal: Callable[[VaultToken], None],
) -> VaultToken:
    """The card is in the vault, and there is a token for it, the same for every repeat of `key`.

    Raises CardRefused for a card that nobody can pay with, Invalid for an allowance that is over,
    and ProviderUnavailable when the vault gave no answer. `seal` runs in a transaction of its own.
    No transaction may be open.
    """
    now = timezone.now()
    judge(card, now)
    if allowance.expires_at <= now:
        raise Invalid("The allowance is over already.", param="$.allowance.expires_at")
    with _silent():
        token = _vault().store(
            card,
            allowance,
            billing_address=billing_address,
            risk_signals=risk_signals,
            metadata=metadata,
            key=key,
        )
    with transaction.atomic(durable=True):
        seal(token)
    return token


def authenticate(
    wanted: Wanted, *, owner: str, key: str, seal: Callable[[Authentication], None]
) -> Authentication:
    """3-D Secure is begun for the card, once for `key`. Raises what `DelegatedAuthenticator.create` does.
    As `delegate`."""
    judge(wanted.card, timezone.now())
    with _silent():
        begun = _authenticator().create(wanted, owner=owner, key=key)
    with transaction.atomic(durable=True):
        seal(begun)
    return begun


def go_on(
    id: str, *, owner: str, fingerprint: str, place: Place, seal: Callable[[Authentication], None]
) -> Authentication:
    """The issuer decides, or asks. Raises what `DelegatedAuthenticator.authenticate` does. As `delegate`."""
    with _silent():
        found = _authenticator().authenticate(id, owner=owner, fingerprint=fingerprint, place=place)
    with transaction.atomic(durable=True):
        seal(found)
    return found


def retrieve(id: str, *, owner: str) -> Authentication:
    """How it stands. Raises what `DelegatedAuthenticator.retrieve` does. No transaction may be open."""
    with _silent():
        return _authenticator().retrieve(id, owner=owner)


def judge(card: Card, now: datetime) -> None:
    """Somebody could pay with such a card, or CardRefused says what is wrong, never with what was sent."""
    if not _adds_up(card.number):
        raise CardRefused("This is no card number: its check digit is wrong.", param=f"{CARD}.number")
    if card.exp_year is None or card.exp_month is None:
        return
    # A card is good until its month is over, wherever that ends last.
    if (int(card.exp_year), int(card.exp_month)) < (now.year, now.month):
        raise CardRefused("This card has expired.", param=f"{CARD}.exp_year")


@contextmanager
def _silent() -> Iterator[None]:
    """No answer is told in our own words: a part's may quote what it was given."""
    try:
        yield
    except ProviderUnavailable:
        text = "There is no answer from whoever takes the card. Repeat the request with the same key."
        raise ProviderUnavailable(text) from None


def _adds_up(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _vault() -> Vault:
    found = ports().vault
    if found is None:  # it was there when the request came in
        raise ProviderUnavailable
    return found


def _authenticator() -> DelegatedAuthenticator:
    found = ports().authenticator
    if found is None:
        raise ProviderUnavailable
    return found
