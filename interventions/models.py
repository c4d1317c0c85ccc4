"""Policies, interventions, the log of their moves and the tallies of caps: facts and constraints.

No destination and no code is in these tables, in clear or as a hash that could be guessed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from interventions import countries, policy
from interventions.identifiers import IdentifierField
from interventions.negotiation import PASSIVE, Enforcement, Kind
from interventions.ports import DeviceKey, ports
from interventions.question_models import Clarification as Clarification
from interventions.question_models import ClarificationRule as ClarificationRule
from interventions.reach_models import ReachAttempt as ReachAttempt
from interventions.reach_models import ReachChannel as ReachChannel
from interventions.states import MOVES, OPEN, InterventionState
from interventions.stored_countries import stored_countries

REQUIRABLE = tuple(kind for kind in Kind if kind not in PASSIVE)
"""The types a policy can ask for (ACP-128)."""


class Policy(models.Model):
    """When a person must act. A purchase that matches several has to meet all of them."""

    name = models.CharField(max_length=100, unique=True, help_text="For operators; agents never see it.")
    active = models.BooleanField(default=True, help_text="An inactive policy asks for nothing.")
    item_tag = models.CharField(
        max_length=64,
        blank=True,
        help_text="Applies when an item in the cart has this tag. Empty: to every cart.",
    )
    minimum_amount = models.PositiveBigIntegerField(
        default=0,
        help_text=(
            "Applies from this total on, in minor units of the session's currency: 10000 is 100.00 in "
            "currencies with cents. Name a currency when you sell in several. 0: to every total."
        ),
    )
    currency = models.CharField(
        max_length=3,
        blank=True,
        help_text="Three letters, such as usd. Applies in this currency only. Empty: in all.",
    )
    countries = models.CharField(
        max_length=1000,
        blank=True,
        help_text=(
            "Two-letter codes with commas, such as US, CA. Applies when something goes to one of them, or "
            "can be bought without anybody knowing where it goes. Empty: to all countries."
        ),
    )
    owner = models.CharField(
        max_length=255,
        blank=True,
        verbose_name="agent",
        help_text="Applies to what this agent buys. Empty: to every agent.",
    )
    handler = models.CharField(
        max_length=64,
        blank=True,
        verbose_name="payment handler",
        help_text=(
            "Applies when it is paid with this handler, which is known once the agent completes: the person "
            "is asked then, before anything is charged. Empty: to every way to pay."
        ),
    )
    kinds = models.JSONField(
        default=list,
        blank=True,
        verbose_name="types",
        help_text="What the person must do. Only types that this installation can run can be chosen.",
    )
    approval = models.BooleanField(
        default=False,
        help_text=(
            "The merchant has to approve each purchase before it is paid: it waits under Approvals. "
            "Counts when the enforcement is always, or conditional and the risk is high."
        ),
    )
    check_address = models.BooleanField(
        default=False,
        help_text=(
            "Delivery addresses of matching purchases are checked, and the buyer is told what looks "
            "wrong. This keeps nothing from being bought, whatever the enforcement."
        ),
    )
    hand_over = models.BooleanField(
        "may be handed over",
        default=False,
        db_default=False,
        help_text=(
            "An agent that cannot do these types may send the buyer to a page of this shop, where they do "
            "them and pay. Without it, such an agent cannot buy what this policy matches. When several "
            "policies match, all that ask for a type have to allow it."
        ),
    )
    enforcement = models.CharField(
        max_length=11,
        choices=[(level.value, level.value) for level in Enforcement],
        default=Enforcement.ALWAYS.value,
        help_text=(
            "always: nothing is sold without it, and an agent that cannot do it is told at once. "
            "conditional: asked for, as always is, when the risk is high; until then the agent is only told. "
            "optional: only the issuer may ask. "
            "When several policies match, the strictest counts for all of them."
        ),
    )

    class Meta:
        db_table = "agentic_intervention_policy"
        verbose_name_plural = "policies"
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(enforcement__in=[level.value for level in Enforcement]),
                name="agentic_policy_enforcement",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """The policy is stored, or ValidationError: also when it does not come from a form."""
        self.clean()
        super().save(*args, **options)

    def clean(self) -> None:
        """The policy can be kept: a misspelt or unrunnable type would sell nothing, or sell unsafely."""
        self.currency = self.currency.strip().lower()
        self.item_tag = self.item_tag.strip()
        self.owner = self.owner.strip()
        self.handler = self.handler.strip()
        self.countries = stored_countries(self.countries)
        if problem := self._problem_with_kinds():
            raise ValidationError({"kinds": problem})
        if self.check_address and Kind.ADDRESS_VERIFICATION not in ports().providers:
            raise ValidationError({"check_address": "Nothing here can check addresses."})
        self.kinds = [kind.value for kind in REQUIRABLE if kind in self.kinds]

    def rule(self) -> policy.Rule:
        return policy.Rule(
            kinds=frozenset(Kind(name) for name in self.kinds),
            enforcement=Enforcement(self.enforcement),
            item_tag=self.item_tag,
            minimum_amount=self.minimum_amount,
            currency=self.currency,
            approval=self.approval,
            countries=frozenset(countries.listed(self.countries)),
            owner=self.owner,
            handler=self.handler,
            name=self.name,
            check_address=self.check_address,
            hand_over=self.hand_over,
        )

    def _problem_with_kinds(self) -> str:
        if not isinstance(self.kinds, list) or not all(isinstance(name, str) for name in self.kinds):
            return "This has to be a list of type names."
        if not self.kinds and not self.approval and not self.check_address:
            return "Choose at least one type, let the merchant approve, or have addresses checked."
        for name in self.kinds:
            if name in PASSIVE:
                return f"{name} is a check that asks nothing of a person, so it cannot be required."
            if name not in REQUIRABLE:
                return "There is a type that does not exist."
            if name not in ports().providers:
                return f"Nothing here can run {name}: every purchase this policy matches would be refused."
        return ""


policy.active.forgotten_with(Policy, "policy")


class Intervention(models.Model):
    """One thing a person must do for a subject. `state` moves only through `moves.move`.

    A challenge is one code; its number grows with each. The attempts are counted over all
    challenges of the row, because a new code must not give new attempts (T14).
    """

    id = IdentifierField(prefix="int")
    subject = models.CharField(
        max_length=64, help_text="The id of what waits for the person, such as a checkout session."
    )
    kind = models.CharField(max_length=32)
    state = models.CharField(
        max_length=12, choices=InterventionState.choices, default=InterventionState.PENDING
    )
    binding = models.CharField(max_length=255, help_text="What it is for; when that changes, it is void.")
    amount = models.BigIntegerField(help_text="Minor units, as the person is told.")
    currency = models.CharField(max_length=3)
    owner = models.CharField(
        max_length=255, blank=True, help_text="Who buys, such as an agent; sends count against its quota."
    )
    destination_digest = models.CharField(max_length=64, blank=True)
    channel = models.CharField(max_length=16, blank=True, help_text="How codes reach the person.")
    hint = models.CharField(max_length=255, blank=True, help_text="Where the person is reached, masked.")
    code_digest = models.CharField(max_length=64, blank=True)
    code_salt = models.CharField(max_length=64, blank=True)
    challenge = models.PositiveIntegerField(default=0, help_text="The number of the current challenge.")
    challenge_expires_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(
        default=0, help_text="Codes that were compared, or could have been."
    )
    attempts_allowed = models.PositiveIntegerField(default=0)
    attempted_by = models.CharField(
        max_length=64, blank=True, help_text="The request whose attempt was counted last; it pays once."
    )
    attempted_at = models.DateTimeField(null=True, blank=True)
    sends = models.PositiveIntegerField(default=0)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    provider = models.CharField(max_length=64, blank=True, help_text="Who runs it.")
    browser_digest = models.CharField(
        max_length=64, blank=True, help_text="Keyed hash of the one browser that may act for the person."
    )
    round_digest = models.CharField(
        max_length=64, blank=True, help_text="Keyed hash of the round trip under way; counts once."
    )
    expires_at = models.DateTimeField(help_text="No new challenge starts after this.")
    ended_by = models.CharField(max_length=255, blank=True, help_text="Who or what ended it.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    MOVES: ClassVar = MOVES

    class Meta:
        db_table = "agentic_intervention"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("subject", "kind"), name="agentic_int_subject"),
            models.Index(fields=("state", "expires_at"), name="agentic_int_deadline"),
            models.Index(fields=("-created_at",), name="agentic_int_newest"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("subject", "kind"), condition=models.Q(state__in=OPEN), name="agentic_int_one_open"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=InterventionState.values), name="agentic_int_state"
            ),
            models.CheckConstraint(
                condition=models.Q(attempts__lte=models.F("attempts_allowed")), name="agentic_int_attempts"
            ),
        )

    def __str__(self) -> str:
        return self.id

    @property
    def attempts_left(self) -> int:
        """What is left while it is open; nothing once it is not."""
        return max(0, self.attempts_allowed - self.attempts) if self.state in OPEN else 0

    def running(self, now: datetime) -> bool:
        """The current challenge can be answered, or was until its last attempt was spent."""
        return (
            self.state in OPEN and self.challenge_expires_at is not None and self.challenge_expires_at > now
        )

    def over(self, now: datetime) -> bool:
        """Nothing can come of it any more, although no sweep has noticed yet."""
        return not self.running(now) and (self.expires_at <= now or self.attempts >= self.attempts_allowed)


class Passkey(models.Model):
    """A key in the device of a buyer. Whose it is says a keyed hash of the contact; no address is here.

    What is stored is public: with it nobody can confirm anything.
    """

    id = IdentifierField(prefix="psk")
    contact_digest = models.CharField(max_length=64, db_index=True)
    credential_id = models.CharField(max_length=1400, unique=True, help_text="As the device names it.")
    public_key = models.BinaryField()
    sign_count = models.PositiveBigIntegerField(
        default=0, help_text="How often the device has used it, where it counts."
    )
    aaguid = models.CharField(
        max_length=36, blank=True, verbose_name="make", help_text="The make of the device, where it says so."
    )
    label = models.CharField(max_length=255, blank=True, help_text="Whose it is, masked.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "agentic_passkey"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("-created_at",), name="agentic_passkey_newest"),)

    def __str__(self) -> str:
        return self.id

    def key(self) -> DeviceKey:
        return DeviceKey(self.credential_id, bytes(self.public_key), self.sign_count, self.aaguid)


class InterventionMove(models.Model):
    """One move of an intervention, written in the transaction that made it."""

    intervention = models.ForeignKey(Intervention, on_delete=models.CASCADE, related_name="moves")
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    actor = models.CharField(max_length=255, help_text="Who caused it: an owner, a person or the system.")
    note = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_intervention_move"
        ordering = ("id",)
        verbose_name = "intervention move"

    def __str__(self) -> str:
        return f"{self.intervention_id}: {self.from_state or 'new'} -> {self.to_state}"


class Tally(models.Model):
    """When something that is capped happened, for all subjects and agents together.

    The key is a word and a keyed hash; nobody can read from it whom it is about.
    """

    key = models.CharField(max_length=100, primary_key=True)
    moments = models.JSONField(
        default=list, help_text="Seconds since 1970 and how many then, the newest last."
    )
    version = models.PositiveBigIntegerField(default=0, help_text="Grows with every write.")
    window_ends_at = models.DateTimeField(db_index=True, help_text="It says nothing any more after this.")

    class Meta:
        db_table = "agentic_intervention_tally"
        verbose_name_plural = "tallies"

    def __str__(self) -> str:
        return self.key.partition(":")[0]
