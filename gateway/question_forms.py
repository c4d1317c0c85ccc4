"""What operators write to have an agent asked: rules of questions, and a question of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from checkout.untrusted import visible
from gateway import markdown
from interventions import questions
from interventions.clarifications import TIMEOUT_SECONDS
from interventions.models import ClarificationRule
from interventions.ports import ports
from interventions.questions import CHOICES, NO_ANSWER, OTHER, Outcome

_BOXES = {
    "continuing": (
        Outcome.CONTINUE,
        "answers that continue",
        "The purchase goes on, or the person is asked.",
    ),
    "escalating": (Outcome.ESCALATE, "answers that escalate", "You have to approve the purchase first."),
    "denying": (
        Outcome.DENY,
        "answers that deny",
        "The purchase cannot be made as it is, or nothing is granted.",
    ),
}
_CHOICES = [(one.value, one.value) for one in CHOICES]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _box(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=questions.MOST_OPTIONS * questions.LONGEST_OPTION,
        help_text=f"{help_text} One answer to choose from on each line.",
    )


def checked(question: str) -> str:
    """The question can be asked, and is Markdown that may be shown. Raises ValidationError."""
    if problem := questions.flaw(question):
        raise ValidationError(problem)
    if (flaw := markdown.flaw(question)) is not None:
        raise ValidationError(str(flaw))
    return question


class RuleForm(forms.ModelForm):
    """A rule, with its options in one box for each thing that they do."""

    continuing = _box(*_BOXES["continuing"][1:])
    escalating = _box(*_BOXES["escalating"][1:])
    denying = _box(*_BOXES["denying"][1:])
    other = forms.ChoiceField(
        label="any other answer",
        choices=_CHOICES,
        help_text="Agents may always answer in words of their own, which decide nothing else.",
    )
    silence = forms.ChoiceField(
        label="no answer",
        choices=[("", "as this installation is set up"), *_CHOICES],
        required=False,
        help_text="What happens when the agent does not answer in time, or can be asked no more questions.",
    )

    class Meta:
        model = ClarificationRule
        fields = (
            "name",
            "active",
            "priority",
            "about",
            "item_tag",
            "minimum_amount",
            "currency",
            "countries",
            "owner",
            "unknown_agents",
            "without_person_server",
            "high_risk",
            "question",
            "timeout_seconds",
        )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        rule = self.instance
        for name, (does, *_) in _BOXES.items():
            chosen = [one for one in rule.options if rule.outcomes.get(one, Outcome.CONTINUE) == does]
            self.fields[name].initial = "\n".join(chosen)
        self.fields["other"].initial = rule.outcomes.get(OTHER, Outcome.CONTINUE)
        self.fields["silence"].initial = rule.outcomes.get(NO_ANSWER, "")
        self.fields["about"].required = False
        known = ports().agents()
        gone = [(rule.owner, f"{visible(rule.owner)} (not there any more)")] if rule.owner else []
        self.fields["owner"] = forms.ChoiceField(
            label="agent",
            choices=[("", "every agent"), *known, *(one for one in gone if one[0] not in dict(known))],
            required=False,
            help_text=self.fields["owner"].help_text,
        )

    def clean_about(self) -> str:
        return self.cleaned_data["about"] or questions.PURCHASE

    def clean_question(self) -> str:
        return checked(self.cleaned_data["question"])

    def clean(self) -> dict[str, Any]:
        """The options, and what each answer does, are the rule's."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        options: list[str] = []
        outcomes: dict[str, str] = {OTHER: said.get("other") or Outcome.CONTINUE.value}
        for name, (does, *_) in _BOXES.items():
            found = _lines(said.get(name) or "")
            options += found
            outcomes |= dict.fromkeys(found, does.value)
            if problem := questions.flaw_of_options(options):
                self.add_error(name, problem)
                return said
        if said.get("silence"):
            outcomes[NO_ANSWER] = said["silence"]
        self.instance.options, self.instance.outcomes = options, outcomes
        return said


class AskForm(forms.Form):
    """A question to one agent: the operator's own, or that of a rule."""

    template = forms.ChoiceField(
        label="ask what a rule asks",
        required=False,
        help_text="Its question and options; what its answers do is left to you.",
    )
    question = forms.CharField(
        required=False,
        max_length=questions.LONGEST_QUESTION,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Or a question of your own, in Markdown. Never ask for codes, passwords or card data.",
    )
    options = _box("answers to choose from", "The agent may still answer in its own words.")
    timeout_seconds = forms.IntegerField(
        label="seconds to answer",
        initial=TIMEOUT_SECONDS,
        min_value=questions.SHORTEST_SECONDS,
        max_value=questions.LONGEST_SECONDS,
        help_text="When they are over, the call ends or goes on, as this installation is set up.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        rules = ClarificationRule.objects.order_by("name").values_list("pk", "name")
        self.fields["template"].choices = [("", "-"), *((str(pk), name) for pk, name in rules)]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """One question, that may be asked."""
        said = super().clean() or self.cleaned_data
        rule = ClarificationRule.objects.filter(pk=said["template"]).first() if said.get("template") else None
        own = (said.get("question") or "").strip()
        if (rule is None) == (not own):
            raise ValidationError({"question": "Choose a rule's question, or write one of your own."})
        if rule is None:
            try:
                said["question"] = checked(own)
            except ValidationError as refused:
                raise ValidationError({"question": refused.messages}) from None
            options: Sequence[str] = _lines(said.get("options") or "")
        else:
            said["question"], options = rule.question, rule.options
        if problem := questions.flaw_of_options(options):
            raise ValidationError({"options": problem})
        said["options"] = list(options)
        return said
