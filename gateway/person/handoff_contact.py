"""Who buys, and how they are reached: the first question of a purchase that was handed over."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters

from gateway.person import forms, handoff_steps
from gateway.person.forms import Field, Filled
from gateway.person.handoff import StepPage
from gateway.person.handoff_steps import Step
from interventions import phones
from interventions.models import Intervention

EMAIL = gettext_noop("Enter an email address in the form name@example.com.")
PHONE = gettext_noop("Enter the number with its country code, such as +49 30 1234567, or leave it empty.")


def _email(value: str) -> str:
    try:
        EmailValidator(allowlist=[])(value)
    except ValidationError:
        return EMAIL
    return ""


def _phone(value: str) -> str:
    return "" if phones.e164(value) else PHONE


FIELDS = (
    Field(
        "full_name",
        gettext_noop("Your name"),
        "name",
        missing=gettext_noop("Enter your name."),
        longest=100,
    ),
    Field(
        "email",
        gettext_noop("Email address"),
        "email",
        missing=gettext_noop("Enter your email address."),
        hint=gettext_noop("Your order is confirmed there."),
        type="email",
        inputmode="email",
        longest=254,
        judge=_email,
    ),
    Field(
        "phone_number",
        gettext_noop("Phone number"),
        "tel",
        hint=gettext_noop("With its country code, such as +1 415 555 0100."),
        type="tel",
        inputmode="tel",
        longest=phones.LONGEST_INPUT,
        judge=_phone,
    ),
)


@method_decorator(sensitive_post_parameters("full_name", "email", "phone_number"), name="dispatch")
class ContactPage(StepPage):
    step = Step.CONTACT

    def question(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        buyer = self.session.buyer or {}
        known = {**buyer, "full_name": handoff_steps.name_of(buyer)}
        given = forms.typed(FIELDS, request.POST) if request.method == "POST" else None
        return self.asked(request, row, given or forms.filled(FIELDS, known))

    def answer(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        given = forms.typed(FIELDS, request.POST)
        if given.wrong:
            return self.asked(request, row, given)
        refused = self.changed_by(request, row, {"buyer": _buyer(given)})
        if refused is not None:
            return self.asked(request, row, given.but({"email": EMAIL}))
        return self.next()

    def asked(self, request: HttpRequest, row: Intervention, given: Filled) -> HttpResponse:
        return self.show_step(request, row, "handoff_contact", {"form": given, "back": self.back()})


def _buyer(given: Filled) -> dict[str, Any]:
    """As a session keeps it: the whole name in one piece, and a number in its one spelling."""
    phone = phones.e164(given.values["phone_number"])
    whole = {"full_name": given.values["full_name"], "email": given.values["email"]}
    return {**whole, "first_name": None, "last_name": None, "phone_number": phone or None}
