"""The operator's screen of the rules by which agents are asked."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Q

from checkout.money import display
from checkout.screens import Screen
from checkout.untrusted import visible
from gateway.question_forms import RuleForm
from interventions.models import ClarificationRule
from interventions.questions import CONSENT, NO_ANSWER, OTHER


@admin.register(ClarificationRule)
class ClarificationRuleAdmin(Screen):
    """Changes count at once in this process and within five seconds in the others."""

    form = RuleForm
    owned = True
    empty_list_text = (
        "What agents are asked before their people are would be here. Only agents that say they take "
        "questions are asked; for every other one the purchase goes on without."
    )
    list_display = ("name", "active", "priority", "when", "question_shown", "does")
    list_filter = ("active", "about")
    search_fields = ("name",)
    search_help_text = "Part of the name or of the question."
    fieldsets = (
        (None, {"fields": ("name", "active", "priority")}),
        (
            "When",
            {
                "fields": (
                    "about",
                    "item_tag",
                    "minimum_amount",
                    "currency",
                    "countries",
                    "owner",
                    "unknown_agents",
                    "without_person_server",
                    "high_risk",
                ),
                "description": "All that is filled in has to hold. The agent is asked when it completes, or "
                "before its buyer is asked for something, or its person for a grant.",
            },
        ),
        (
            "The question",
            {
                "fields": ("question", "timeout_seconds"),
                "description": "One agent is asked at most five questions about one session. What it answers "
                "is its own claim: check what matters.",
            },
        ),
        ("What answers do", {"fields": ("continuing", "escalating", "denying", "other", "silence")}),
    )

    def search(self, term: str) -> Q:
        return Q(name__icontains=term) | Q(question__icontains=term)

    @admin.display(description="applies")
    def when(self, rule: ClarificationRule) -> str:
        """Its conditions, all of which have to hold."""
        amount = (
            display(rule.minimum_amount, rule.currency)
            if rule.currency
            else f"{rule.minimum_amount} minor units"
        )
        conditions = (
            (rule.about == CONSENT, "to what agents want to be granted"),
            (rule.item_tag, f"tag {rule.item_tag}"),
            (rule.minimum_amount, f"from {amount} on"),
            (rule.currency, f"in {rule.currency.upper()}"),
            (rule.countries, f"to {rule.countries}"),
            (rule.owner, f"by {self.owner_shown(rule)}"),
            (rule.unknown_agents, "by unknown agents"),
            (rule.without_person_server, "without a person server"),
            (rule.high_risk, "at high risk"),
        )
        return "; ".join(text for value, text in conditions if value) or "to everything"

    @admin.display(description="asks")
    def question_shown(self, rule: ClarificationRule) -> str:
        return visible(rule.question, longest=80)

    @admin.display(description="answers")
    def does(self, rule: ClarificationRule) -> str:
        named = {OTHER: "any other", NO_ANSWER: "none"}
        outcomes = {**dict.fromkeys(rule.options, "continue"), **rule.outcomes}
        return "; ".join(f"{named.get(name, visible(name))}: {does}" for name, does in outcomes.items())
