"""What every vault of ours does alike: tokens that pay once, inside what an agent allowed (ACP-200).

A token is computed from the key it was stored under, and only its keyed hash is kept: whoever reads the
database can pay with none.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone

from checkout.models import CheckoutSession
from checkout.payments.vault import Allowance, NotRedeemed, Redeemed, Redemption, VaultToken
from checkout.sandbox_models import SandboxAuthentication, SandboxToken
from checkout.token_models import AllowedToken, StripeToken
from interventions.ports import ports
from interventions.prepared import insert

PREFIX = "vt_"
TOKEN = "vault token"
LOOK_UP = "vault token look-up"
SESSION = "session of a vault token"
MERCHANT = "merchant of a vault token"
OWNER = "owner of a vault token"

KEPT = timedelta(days=30)
"""After its end a token pays for nothing new; what it paid for may still be asked about."""
BATCH = 500
BATCHES = 20


class Allowances:
    """Implements `vault.Redeemer` for the tokens in `rows`. One statement each; never slow."""

    rows: ClassVar[type[AllowedToken]]

    def redeem(self, token: str, use: Redemption) -> Redeemed | NotRedeemed:
        now = timezone.now()
        known = ports().known_digests(token.encode(), LOOK_UP)
        row: Any = self.rows._default_manager.filter(token_digest__in=known).first()
        if row is None:
            return NotRedeemed("unknown_token")
        if row.used_by != use.attempt_id:
            if wrong := _unfit(row, use, now):
                return NotRedeemed(wrong)
            if not self._use(row, use, now):
                return NotRedeemed("token_used")
        return self._redeemed(row)

    def _redeemed(self, row: Any) -> Redeemed:
        raise NotImplementedError

    def _use(self, row: Any, use: Redemption, now: datetime) -> bool:
        """The database decides who was first."""
        mine = self.rows._default_manager.filter(pk=row.pk)
        return bool(mine.filter(used_by="", expires_at__gt=now).update(used_by=use.attempt_id)) or (
            mine.filter(used_by=use.attempt_id).exists()
        )


def kept(key: str, allowance: Allowance) -> dict[str, Any]:
    """The columns of a new token for `key`."""
    digest = ports().digest
    return {
        "key": key,
        "token_digest": digest((PREFIX + digest(key.encode(), TOKEN)).encode(), LOOK_UP),
        "max_amount": allowance.max_amount,
        "currency": allowance.currency,
        "session_digest": digest(allowance.checkout_session_id.encode(), SESSION),
        "merchant_digest": digest(allowance.merchant_id.encode(), MERCHANT),
        "owner_digest": digest(allowance.owner.encode(), OWNER) if allowance.owner else "",
        "expires_at": allowance.expires_at.astimezone(UTC),
    }


def issued(row: AllowedToken, metadata: Mapping[str, str]) -> VaultToken:
    """The token of the new `row`, or of the one that was stored under its key before."""
    if not insert([row], unless_there=True):
        row = type(row)._default_manager.get(key=row.key)
    return VaultToken(token_of(row), row.created_at, dict(metadata))


def token_of(row: AllowedToken) -> str:
    """The token, made from its key again, as it was when the secrets were older ones."""
    for made in ports().known_digests(row.key.encode(), TOKEN):
        token = PREFIX + made
        if row.token_digest in ports().known_digests(token.encode(), LOOK_UP):
            return token
    raise LookupError("The secret under which this token was made is gone.")


def purge(rows: type[models.Model], before: datetime) -> int:
    """Those of `rows` that ended before are gone, at most 10,000 of them; how many. Repeatable, also twice
    at once; in batches, so that no statement locks many rows."""
    found = rows._default_manager
    gone = 0
    for _ in range(BATCHES):
        old = found.filter(expires_at__lt=before).order_by("expires_at")
        batch = list(old.values_list("pk", flat=True)[:BATCH])
        gone += found.filter(pk__in=batch).delete()[0] if batch else 0
        if len(batch) < BATCH:
            break
    return gone


def purge_all() -> int:
    """Tokens, and runs of 3-D Secure at the sandbox, that ended long ago are gone; how many. As `purge`."""
    before = timezone.now() - KEPT
    return sum(purge(rows, before) for rows in (StripeToken, SandboxToken, SandboxAuthentication))


def _unfit(row: AllowedToken, use: Redemption, now: datetime) -> str:
    """Why the token is not good for this (ACP-183, ACP-200); "" when it is."""
    if row.used_by:
        return "token_used"
    if row.expires_at <= now:
        return "token_expired"
    if row.session_digest not in ports().known_digests(use.session_id.encode(), SESSION):
        return "another_session"
    if row.owner_digest and not _is_of(row.owner_digest, use.session_id):
        return "another_agent"
    if row.merchant_digest not in ports().known_digests(use.merchant_id.encode(), MERCHANT):
        return "another_merchant"
    if row.currency != use.currency:
        return "another_currency"
    return "above_allowance" if use.amount > row.max_amount else ""


def _is_of(owner_digest: str, session_id: str) -> bool:
    """Whose session it is brought the card too (T01)."""
    owner = CheckoutSession.objects.filter(pk=session_id).values_list("owner", flat=True).first()
    return owner is not None and owner_digest in ports().known_digests(owner.encode(), OWNER)
