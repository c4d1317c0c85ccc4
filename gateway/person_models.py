"""What a person server keeps (requirements 1c): whose agents there are, what they were granted, and what they
want their person to be brought to.

A person is known by one opaque text, the id of their account with the merchant (`gateway.persons`).
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from gateway.person_states import (
    GRANT_MOVES,
    GRANT_OPEN,
    SUMMONS_MOVES,
    SUMMONS_OPEN,
    GrantState,
    SummonsState,
)
from interventions.identifiers import IdentifierField

PERSON = 64
"""Characters of the id of a person's account."""


class AgentBinding(models.Model):
    """Whose agent it is: one person's, for ever. Revoked, it can be restored by the same person alone
    (AA-213)."""

    owner = models.CharField(max_length=255, unique=True, help_text="The agent, as aauth:<iss>|<sub>.")
    person = models.CharField(max_length=PERSON, help_text="The account that it acts for.")
    capabilities = models.JSONField(
        null=True,
        blank=True,
        help_text="What it said it can do when it last asked; null when it has never said, [] for nothing.",
    )
    established_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="It may not act for them any more.")

    class Meta:
        db_table = "agentic_agent_binding"
        ordering = ("-established_at",)
        indexes = (
            models.Index(fields=("-established_at",), name="agentic_binding_newest"),
            models.Index(fields=("person", "-established_at"), name="agentic_binding_person"),
            models.Index(
                fields=("-established_at",),
                condition=models.Q(revoked_at__isnull=False),
                name="agentic_binding_revoked",
            ),
        )

    def __str__(self) -> str:
        return self.owner


class DirectedSubject(models.Model):
    """The name by which one resource knows a person, and no other does (AA-217)."""

    person = models.CharField(max_length=PERSON)
    audience = models.CharField(max_length=200, help_text="The resource.")
    subject = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "agentic_directed_subject"
        constraints = (
            models.UniqueConstraint(fields=("person", "audience"), name="agentic_directed_subject_once"),
        )

    def __str__(self) -> str:
        return self.subject


class Grant(models.Model):
    """What an agent asks to be given: a token that names its person, or one that opens a resource for it.

    Its id is the subject of the call that waits meanwhile (`PendingRequest`), of the questions about it and
    of the intervention of kind `consent` that its person answers. Nothing of it is true before that.
    """

    PERSON_TOKEN: ClassVar[str] = "person"
    AUTH_TOKEN: ClassVar[str] = "auth"

    id = IdentifierField(prefix="grt")
    owner = models.CharField(max_length=255, help_text="The agent that asks.")
    person = models.CharField(
        max_length=PERSON, blank=True, help_text="Who is asked; empty until somebody takes the agent on."
    )
    kind = models.CharField(
        max_length=8,
        choices=[(PERSON_TOKEN, "who its person is"), (AUTH_TOKEN, "access to a resource")],
    )
    audience = models.CharField(max_length=200, help_text="The resource that the token is for.")
    scope = models.CharField(max_length=1000, blank=True, help_text="What the resource asks for.")
    account = models.CharField(max_length=200, blank=True)
    justification = models.TextField(blank=True, help_text="The agent's own words.")
    key = models.JSONField(default=dict, help_text="The agent's public key, to which the token is bound.")
    presented = models.JSONField(default=dict, help_text="What has to be repeated in the token.")
    older = models.BooleanField(default=False, help_text="Asked for in an older wording.")
    fingerprint = models.CharField(
        max_length=64,
        blank=True,
        default="",
        db_default="",
        help_text="Keyed hash of the request, by which a repeat is recognised.",
    )
    state = models.CharField(max_length=10, choices=GrantState.choices, default=GrantState.ASKED)
    expires_at = models.DateTimeField(help_text="Nobody is asked any more afterwards.")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    MOVES: ClassVar = GRANT_MOVES
    OPEN: ClassVar = GRANT_OPEN

    class Meta:
        db_table = "agentic_grant"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("-created_at",), name="agentic_grant_newest"),
            models.Index(fields=("person", "-created_at"), name="agentic_grant_person"),
            models.Index(fields=("owner", "-created_at"), name="agentic_grant_owner"),
            models.Index(fields=("state", "-created_at"), name="agentic_grant_state"),
        )
        constraints = (
            # What was asked twice is one (AA-059).
            models.UniqueConstraint(
                fields=("owner", "fingerprint"),
                condition=models.Q(state__in=GRANT_OPEN) & ~models.Q(fingerprint=""),
                name="agentic_grant_once",
            ),
        )

    def __str__(self) -> str:
        return self.id


class IssuedToken(models.Model):
    """A token that we gave out, by its `jti`; the token itself is not kept (AA-217)."""

    jti = models.CharField(max_length=64, primary_key=True)
    grant = models.ForeignKey(Grant, on_delete=models.CASCADE, related_name="tokens")
    typ = models.CharField(max_length=20)
    owner = models.CharField(max_length=255)
    person = models.CharField(max_length=PERSON)
    audience = models.CharField(max_length=200)
    scope = models.CharField(max_length=1000, blank=True)
    issued_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "agentic_issued_token"
        ordering = ("-issued_at",)
        indexes = (
            models.Index(fields=("-issued_at",), name="agentic_issued_newest"),
            models.Index(fields=("person", "-issued_at"), name="agentic_issued_person"),
            models.Index(fields=("expires_at",), name="agentic_issued_expires"),
        )

    def __str__(self) -> str:
        return self.jti[:8]


class RevokedToken(models.Model):
    """A token of another issuer that does not count any more, until it would have expired (AA-416)."""

    issuer = models.CharField(max_length=200)
    jti = models.CharField(max_length=200)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "agentic_revoked_token"
        constraints = (models.UniqueConstraint(fields=("issuer", "jti"), name="agentic_revoked_token_once"),)

    def __str__(self) -> str:
        return self.jti[:8]


class Summons(models.Model):
    """An agent asks its person's server to bring them somewhere, or to ask them something (AA-201 to 211).

    One that is for a call parked here (`pending`) has no state of its own but what channels came to: whether
    the person has come is that row's.
    """

    INTERACTION: ClassVar[str] = "interaction"
    PAYMENT: ClassVar[str] = "payment"
    QUESTION: ClassVar[str] = "question"

    id = IdentifierField(prefix="smn")
    owner = models.CharField(max_length=255, help_text="The agent that asks.")
    person = models.CharField(max_length=PERSON)
    kind = models.CharField(
        max_length=12,
        choices=[
            (INTERACTION, "open a page"),
            (PAYMENT, "open a page and pay"),
            (QUESTION, "answer a question"),
        ],
    )
    url = models.CharField(max_length=2000, blank=True, help_text="Never fetched by us.")
    code = models.TextField(blank=True, help_text="Sealed; erased at the end, or once the time is over.")
    description = models.TextField(blank=True, help_text="The agent's own words, Markdown.")
    question = models.TextField(blank=True, help_text="The agent's own words, Markdown.")
    answer = models.TextField(blank=True, help_text="Sealed; erased once it was told, or the time is over.")
    pending = models.CharField(max_length=40, blank=True, help_text="The call of ours that waits there.")
    fingerprint = models.CharField(
        max_length=64, help_text="Keyed hash of what was asked, by which a repeat is recognised."
    )
    capabilities = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=SummonsState.choices, default=SummonsState.WAITING)
    channel = models.CharField(max_length=16, blank=True, help_text="The kind that reached the person.")
    wording = models.CharField(max_length=8)
    expires_at = models.DateTimeField(help_text="max_wait, or our own limit.")
    last_polled_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True, help_text="The end was told; then 410.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    MOVES: ClassVar = SUMMONS_MOVES
    OPEN: ClassVar = SUMMONS_OPEN

    class Meta:
        db_table = "agentic_summons"
        verbose_name_plural = "summonses"
        ordering = ("-created_at",)
        indexes = (
            models.Index(fields=("-created_at",), name="agentic_summons_newest"),
            models.Index(fields=("person", "-created_at"), name="agentic_summons_person"),
            models.Index(fields=("owner", "-created_at"), name="agentic_summons_owner"),
            models.Index(fields=("state", "-created_at"), name="agentic_summons_state"),
            models.Index(
                fields=("expires_at",),
                condition=models.Q(state__in=SUMMONS_OPEN),
                name="agentic_summons_deadline",
            ),
            models.Index(
                fields=("expires_at",),
                condition=~models.Q(code="") | ~models.Q(answer=""),
                name="agentic_summons_secret",
            ),
        )
        constraints = (
            # What was asked twice is one (AA-218).
            models.UniqueConstraint(
                fields=("owner", "fingerprint"),
                condition=models.Q(state__in=SUMMONS_OPEN),
                name="agentic_summons_once",
            ),
        )

    def __str__(self) -> str:
        return self.id
