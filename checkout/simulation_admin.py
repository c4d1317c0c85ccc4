"""The operator's page that answers what a session would need. A GET, which changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from checkout import simulation
from checkout.errors import CheckoutError
from checkout.lines import MOST_LINES
from checkout.models import CheckoutSession
from checkout.money import LARGEST_AMOUNT, display
from checkout.ports import ports as checkout_ports
from checkout.pricing import LARGEST_QUANTITY
from checkout.screens import Screen, link, outside
from checkout.simulation import Outlook
from checkout.untrusted import visible
from interventions import countries
from interventions.models import Policy
from interventions.negotiation import Kind
from interventions.ports import ports

TITLE = "What would a session need?"


class SimulationForm(forms.Form):
    session = forms.CharField(
        required=False,
        max_length=40,
        help_text="The id of a session. What is left empty below is taken from it, as last priced.",
    )
    items = forms.CharField(
        required=False,
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40}),
        help_text="A line for each: the item's id and the quantity, such as item_mug 2.",
    )
    amount = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=LARGEST_AMOUNT,
        help_text="The total in minor units: 10000 is 100.00 in currencies with cents. Empty: as priced.",
    )
    currency = forms.ChoiceField(required=False)
    country = forms.CharField(
        required=False, max_length=2, help_text="Where it goes, as two letters such as US."
    )
    agent = forms.ChoiceField(required=False)
    handler = forms.ChoiceField(required=False, label="Payment handler")
    declares = forms.MultipleChoiceField(
        required=False,
        choices=[(kind.value, kind.value) for kind in Kind],
        widget=forms.CheckboxSelectMultiple,
        help_text="The types that the agent says it can do. None: what the session's agent said.",
    )

    def __init__(self, *args: Any, may_see_sessions: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.source: CheckoutSession | None = None
        self._may_see_sessions = may_see_sessions
        sold_in = [(code, code.upper()) for code in checkout_ports().catalog.currencies()]
        self._choose("currency", "as the session's, or the first", sold_in)
        self._choose("agent", "as the session's, or none in particular", ports().agents())
        self._choose("handler", "not known yet", ports().handlers())

    def _choose(self, name: str, nothing: str, known: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", nothing), *known]

    def clean_session(self) -> str:
        given: str = self.cleaned_data["session"].strip()
        if given and not self._may_see_sessions:
            raise forms.ValidationError("You may not look at sessions.")
        if given:
            self.source = CheckoutSession.objects.filter(pk=given).first()
            if self.source is None:
                raise forms.ValidationError("There is no such session.")
        return given

    def clean_items(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in self.cleaned_data["items"].splitlines():
            item, _, quantity = line.strip().partition(" ")
            if not item:
                continue
            number = quantity.strip() or "1"
            if not (number.isascii() and number.isdigit() and 0 < int(number[:9]) <= LARGEST_QUANTITY):
                raise forms.ValidationError(f"{visible(item)}: the quantity has to be a whole number.")
            found[item] = min(found.get(item, 0) + int(number), LARGEST_QUANTITY)
        if len(found) > MOST_LINES:
            raise forms.ValidationError(f"At most {MOST_LINES} items.")
        return found

    def clean_country(self) -> str:
        code: str = self.cleaned_data["country"].strip().upper()
        if code and code not in countries.CODES:
            raise forms.ValidationError("This is no two-letter code of a country (ISO 3166-1).")
        return code

    def clean(self) -> dict[str, Any]:
        """Something is bought, and it can be priced."""
        given = super().clean() or {}
        if self.errors:
            return given
        if not given["session"] and not given["items"] and given["amount"] is None:
            raise forms.ValidationError("Enter a session, items or an amount.")
        currency = given["currency"]
        if not currency and self.source is None:
            currency = checkout_ports().catalog.currencies()[0]
        try:
            given["imagined"] = simulation.Imagined(
                simulation.imagine(
                    self.source,
                    items=given["items"],
                    currency=currency,
                    owner=given["agent"],
                    amount=given["amount"],
                    declares=given["declares"] if given["declares"] or self.source is None else None,
                ),
                country=given["country"],
                handler=given["handler"],
            )
        except CheckoutError as problem:
            raise forms.ValidationError(problem.message) from None
        return given


def page(screen: Screen, request: HttpRequest) -> HttpResponse:
    """The form, and once something was entered the answer below it."""
    may = request.user.has_perm("agentic_checkout.view_checkoutsession")
    form = SimulationForm(request.GET or None, may_see_sessions=may)
    context: dict[str, Any] = {
        **screen.admin_site.each_context(request),
        "title": TITLE,
        "form": form,
        "opts": screen.opts,
        "media": screen.media,
    }
    if form.is_bound and form.is_valid():
        imagined = form.cleaned_data["imagined"]
        outlook = simulation.look(imagined, knows_extension=outside().knows_extension)
        context |= _told(outlook, imagined.session, bool(form.cleaned_data["country"]))
    return TemplateResponse(request, "admin/agentic_checkout/simulation.html", context)


def _told(outlook: Outlook, session: CheckoutSession, country_given: bool) -> Mapping[str, Any]:
    facts, agents, handlers = outlook.facts, dict(ports().agents()), dict(ports().handlers())
    unknown = ["unknown: every country's"] if facts.anywhere else []
    places = ", ".join([*sorted(facts.countries), *unknown]) or "unknown"
    return {
        "outlook": outlook,
        "facts": [
            ("Total", display(facts.amount, facts.currency)),
            ("Item tags", ", ".join(sorted(map(visible, facts.tags))) or "none"),
            ("Country", places),
            ("Agent", agents.get(facts.owner) or visible(facts.owner) or "none in particular"),
            ("Payment handler", handlers.get(facts.handler) or visible(facts.handler) or "not known yet"),
        ],
        "policies": [
            (link(Policy, str(entry.policy.pk), entry.policy.name), entry.matches, _reading(entry))
            for entry in outlook.judged
        ],
        "answers": list(_answers(outlook).items()),
    }


def _reading(entry: simulation.Judged) -> str:
    if not entry.policy.active:
        return "inactive"
    return f"does not match: {', '.join(entry.misses)}" if entry.misses else "matches"


def _answers(outlook: Outlook) -> Mapping[str, str]:
    wanted, agreement = outlook.wanted, outlook.agreement
    verdict = ("high: " + "; ".join(outlook.risk.reasons)) if outlook.risk.high else "low"
    if not wanted.weighs_risk:
        verdict += " (no policy here asks by risk)"
    return {
        "Required": _kinds(agreement.required) + (f", {wanted.enforcement.value}" if wanted.kinds else ""),
        "Risk": visible(verdict),
        "To be done before it is paid": _kinds(outlook.due),
        "Done already": _kinds(outlook.done),
        "Agent and merchant can": _kinds(agreement.supported),
        "The agent can do it": _can(outlook),
        "Merchant's approval": "asked for when the agent completes" if outlook.approval else "not needed",
        "The agent sees": _seen(outlook),
    }


def _can(outlook: Outlook) -> str:
    agreement = outlook.agreement
    if agreement.compatible:
        return "yes"
    return (
        f"no, it lacks: {_kinds(agreement.missing)}" if agreement.missing else "no, more steps than it takes"
    )


def _seen(outlook: Outlook) -> str:
    """The status, and the message that explains it; what else keeps it from being paid is not looked at."""
    told = outlook.status
    if outlook.due and not outlook.agreement.compatible:
        return f"{told}, with the message intervention_required: this agent cannot do it"
    if outlook.due:
        return f"{told}: the person is asked for {outlook.due[0].value}"
    if outlook.approval:
        told += "; pending_approval once it is completed"
    if not outlook.agreement.compatible:
        told += ", and the information that the buyer may be asked"
    return told


def _kinds(kinds: tuple[Kind, ...]) -> str:
    return ", ".join(kind.value for kind in kinds) or "nothing"
