"""Where it goes: asked when something of a purchase that was handed over has to be brought."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_post_parameters

from checkout import pricing
from checkout.delivered import countries
from gateway.person import country_names, forms, handoff_steps
from gateway.person.forms import Field, Filled
from gateway.person.handoff import StepPage
from gateway.person.handoff_steps import Step
from interventions import translation
from interventions.models import Intervention

LINES = (
    Field(
        "name",
        gettext_noop("Name on the parcel"),
        "shipping name",
        missing=gettext_noop("Enter the name of whoever takes the parcel."),
        longest=100,
    ),
    Field(
        "line_one",
        gettext_noop("Street and number"),
        "shipping address-line1",
        missing=gettext_noop("Enter the street and the number."),
    ),
    Field(
        "line_two",
        gettext_noop("Flat, floor or company"),
        "shipping address-line2",
    ),
    Field(
        "postal_code",
        gettext_noop("Postal code"),
        "shipping postal-code",
        missing=gettext_noop("Enter the postal code."),
        longest=20,
    ),
    Field(
        "city",
        gettext_noop("Town or city"),
        "shipping address-level2",
        missing=gettext_noop("Enter the town or city."),
        longest=100,
    ),
    Field(
        "state",
        gettext_noop("State or region"),
        "shipping address-level1",
        missing=gettext_noop("Enter the state or region."),
        hint=gettext_noop("In the United States two letters are enough, such as CA."),
        longest=100,
    ),
)
NO_COUNTRY = gettext_noop("Choose a country from the list.")
COUNTRY = Field("country", gettext_noop("Country"), "shipping country", missing=NO_COUNTRY, type="select")
FIELDS = (COUNTRY, *LINES)


@method_decorator(sensitive_post_parameters(*(entry.name for entry in FIELDS)), name="dispatch")
class AddressPage(StepPage):
    step = Step.ADDRESS

    def question(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if request.method == "POST":
            return self.asked(request, row, self.typed(request))
        known = (self.session.fulfillment_details or {}).get("address") or {}
        name = handoff_steps.name_of(self.session.buyer or {})
        return self.asked(request, row, forms.filled(FIELDS, {"name": name, **known}))

    def answer(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        if request.POST.get("answer") == "fetch" and handoff_steps.can_be_fetched(self.session):
            return self.sent_on(self.address(Step.DELIVERY))
        given = self.typed(request)
        if given.wrong:
            return self.asked(request, row, given)
        address = {name: value for name, value in given.values.items() if value}
        refused = self.changed_by(request, row, {"fulfillment_details": {"address": address}})
        if refused is not None:
            return self.asked(request, row, given.but({"country": NO_COUNTRY}))
        if not handoff_steps.is_answered(self.session, Step.ADDRESS):
            return self.asked(request, row, given)
        return self.next()

    def asked(self, request: HttpRequest, row: Intervention, given: Filled) -> HttpResponse:
        language = self.topic.language if self.topic else ""
        said = translation.words(language)
        context: dict[str, Any] = {
            "form": given,
            "back": self.back(),
            "countries": country_names.choices(self.codes(), said),
            "suggested": self.suggested(request, given),
            "refused": [] if given.wrong else self.refused(said),
            "places": handoff_steps.can_be_fetched(self.session),
        }
        return self.show_step(request, row, "handoff_address", context)

    def typed(self, request: HttpRequest) -> Filled:
        given = forms.typed(FIELDS, request.POST)
        if given.values["country"] in self.codes():
            return given
        return given.but({"country": NO_COUNTRY, **given.wrong})

    def codes(self) -> tuple[str, ...]:
        return countries(self.session.currency)

    def refused(self, said: translation.Words) -> list[str]:
        """Why nothing can be brought to the address that is there already."""
        found = handoff_steps.blockers(self.session, Step.ADDRESS)
        return [pricing.wording(entry, said) for entry in found if entry["code"] != "missing"]

    def suggested(self, request: HttpRequest, given: Filled) -> str:
        """The country that is chosen when the page opens: what was typed, or where the browser lives."""
        if typed := given.values.get("country", "").upper():
            return typed
        _, _, region = request.headers.get("Accept-Language", "").split(",")[0].strip().partition("-")
        return region.upper() if region.upper() in self.codes() else ""
