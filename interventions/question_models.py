"""Questions to agents: the rules that ask them, and every round with its answer."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from interventions import countries, policy, question_rules, questions
from interventions.identifiers import IdentifierField
from interventions.negotiation import Enforcement
from interventions.stored_countries import stored_countries


class ClarificationRule(models.Model):
    """When an agent is asked a question before its person is brought in, and what answers do."""

    name = models.CharField(max_length=100, unique=True, help_text="For operators; nobody else sees it.")
    active = models.BooleanField(default=True, help_text="An inactive rule asks nothing.")
    priority = models.PositiveSmallIntegerField(default=100, help_text="The lowest number asks first.")
    about = models.CharField(
        max_length=8,
        choices=[
            (questions.PURCHASE, "what an agent buys"),
            (questions.CONSENT, "what an agent wants to be granted by its person"),
        ],
        default=questions.PURCHASE,
        db_default=questions.PURCHASE,
        help_text="Asks about this. What is granted has no items, total, country or risk.",
    )
    item_tag = models.CharField(max_length=64, blank=True, help_text="Asks when an item has this tag.")
    minimum_amount = models.PositiveBigIntegerField(
        default=0, help_text="Asks from this total on, in minor units: 10000 is 100.00 with cents."
    )
    currency = models.CharField(max_length=3, blank=True, help_text="Such as usd. Empty: all.")
    countries = models.CharField(max_length=1000, blank=True, help_text="Such as US, CA. Empty: all.")
    owner = models.CharField(max_length=255, blank=True, verbose_name="agent", help_text="Empty: every one.")
    unknown_agents = models.BooleanField(
        "only unknown agents", default=False, help_text="Asks agents that no operator has looked at."
    )
    without_person_server = models.BooleanField(
        "only agents without a person server", default=False, help_text="Asks agents that name none."
    )
    high_risk = models.BooleanField("only at high risk", default=False)
    question = models.TextField(max_length=2000, help_text="Markdown. Never ask for codes or card data.")
    options = models.JSONField(
        default=list, blank=True, help_text="Answers to choose from; any text is taken."
    )
    timeout_seconds = models.PositiveIntegerField(default=120, help_text="How long the agent may think.")
    outcomes = models.JSONField(
        default=dict,
        blank=True,
        help_text="What each option does: continue, escalate or deny; `*` for any other answer, and "
        "`no_answer`. What is not named continues.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "agentic_clarification_rule"
        ordering = ("priority", "name")

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """The rule is stored, or ValidationError: also when it does not come from a form."""
        self.clean()
        super().save(*args, **options)

    def clean(self) -> None:
        """The rule can be kept: its question may be asked, and each answer does something that exists."""
        self.currency = self.currency.strip().lower()
        self.item_tag = self.item_tag.strip()
        self.owner = self.owner.strip()
        self.question = self.question.strip()
        self.countries = stored_countries(self.countries)
        bounds = questions.SHORTEST_SECONDS, questions.LONGEST_SECONDS
        problems = {
            "question": questions.flaw(self.question),
            "options": questions.flaw_of_options(self.options),
            "timeout_seconds": ""
            if bounds[0] <= (self.timeout_seconds or 0) <= bounds[1]
            else f"An agent may think for {bounds[0]} to {bounds[1]} seconds.",
        }
        if not problems["options"]:
            problems["outcomes"] = questions.flaw_of_outcomes(self.outcomes, self.options)
        problems |= self._about_consent()
        if found := {name: problem for name, problem in problems.items() if problem}:
            raise ValidationError(found)

    def _about_consent(self) -> dict[str, str]:
        """What a rule about consent cannot look at, and what its answers cannot do."""
        if self.about != questions.CONSENT:
            return {}
        conditions = ("item_tag", "minimum_amount", "currency", "countries", "high_risk")
        found = {name: "What is granted has none." for name in conditions if getattr(self, name)}
        if isinstance(self.outcomes, dict) and questions.Outcome.ESCALATE in self.outcomes.values():
            found["outcomes"] = "Nobody but the person decides what is granted: answers continue or deny."
        return found

    def rule(self) -> questions.Rule:
        return questions.Rule(
            name=self.name,
            question=self.question,
            options=tuple(self.options),
            outcomes=dict(self.outcomes),
            timeout_seconds=self.timeout_seconds,
            when=policy.Rule(
                kinds=frozenset(),
                enforcement=Enforcement.ALWAYS,
                item_tag=self.item_tag,
                minimum_amount=self.minimum_amount,
                currency=self.currency,
                countries=frozenset(countries.listed(self.countries)),
                owner=self.owner,
            ),
            unknown_agents=self.unknown_agents,
            without_person_server=self.without_person_server,
            high_risk=self.high_risk,
            about=self.about,
        )


question_rules.active.forgotten_with(ClarificationRule, "question_rule")


class Clarification(models.Model):
    """One question to the agent that waits for a subject, and its answer, which is the agent's own words."""

    RULE: ClassVar[str] = "rule"
    OPERATOR: ClassVar[str] = "operator"
    BUYER: ClassVar[str] = "person"

    OPEN: ClassVar[str] = "open"
    ANSWERED: ClassVar[str] = "answered"
    UNANSWERED: ClassVar[str] = "unanswered"
    WITHDRAWN: ClassVar[str] = "withdrawn"
    REPLACED: ClassVar[str] = "replaced"
    """The agent has sent another request instead of an answer."""

    id = IdentifierField(prefix="clr")
    intervention = models.ForeignKey(
        "agentic_interventions.Intervention",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="clarifications",
    )
    subject = models.CharField(max_length=64, help_text="What it is about: a checkout session, or a grant.")
    number = models.PositiveSmallIntegerField(help_text="Of the round; there are at most five.")
    source = models.CharField(max_length=8, choices=[(name, name) for name in (RULE, OPERATOR, BUYER)])
    asked_by = models.CharField(max_length=255, blank=True, help_text="The rule, or the operator.")
    question = models.TextField()
    options = models.JSONField(default=list)
    outcomes = models.JSONField(default=dict, help_text="What the answer does, as its rule said.")
    state = models.CharField(
        max_length=10,
        choices=[(name, name) for name in (OPEN, ANSWERED, UNANSWERED, WITHDRAWN, REPLACED)],
        default=OPEN,
    )
    answer = models.TextField(blank=True)
    matched = models.BooleanField(default=False, help_text="The answer is one of the options.")
    binding = models.CharField(max_length=255, blank=True, help_text="What exactly it was asked about.")
    asked_at = models.DateTimeField(default=timezone.now, editable=False)
    delivered_at = models.DateTimeField(null=True, blank=True, help_text="The agent was shown it first.")
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "agentic_clarification"
        permissions = (("ask_clarification", "Can ask agents"),)
        ordering = ("asked_at",)
        indexes = (
            models.Index(
                fields=("expires_at",), condition=models.Q(state="open"), name="agentic_clr_deadline"
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=("subject", "number"), name="agentic_clr_number"),
            models.UniqueConstraint(
                fields=("subject",), condition=models.Q(state="open"), name="agentic_clr_one_open"
            ),
        )

    def __str__(self) -> str:
        return self.id
