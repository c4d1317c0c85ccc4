"""How it gets there: asked when a purchase that was handed over can be delivered in several ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import dateparse, formats, timezone
from django.utils import translation as django_translation
from django.utils.translation import gettext_noop

from checkout import pricing
from gateway.person import handoff_steps
from gateway.person.amounts import amount_text
from gateway.person.handoff import StepPage
from gateway.person.handoff_steps import Step
from interventions import translation
from interventions.models import Intervention

CHOOSE = gettext_noop("Choose how it gets to you.")
GONE = gettext_noop("That is not offered any more. Choose another way.")

FREE = gettext_noop("Free")
DAY = gettext_noop("l j F")
"""How a day of the next weeks is written, in the letters of Django's `date` filter."""
HOUR = gettext_noop("l j F, H:i")

BETWEEN = gettext_noop("Arrives between %(first)s and %(last)s.")
BY = gettext_noop("Arrives by %(last)s.")
WINDOW = gettext_noop("Brought between %(first)s and %(last)s.")
READY = gettext_noop("Can be fetched from %(first)s.")
AT = gettext_noop("At %(place)s, %(address)s.")


@dataclass(frozen=True, slots=True)
class Way:
    """One way, as a person reads it."""

    id: str
    title: str
    price: str
    more: tuple[str, ...]
    """When, where and by whom, one sentence each."""
    chosen: bool


class DeliveryPage(StepPage):
    step = Step.DELIVERY

    def due(self) -> Step | None:
        """Who fetches it needs no address: without one, only ways that need none are offered."""
        due = super().due()
        return None if due == Step.ADDRESS and handoff_steps.can_be_fetched(self.session) else due

    def question(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        return self.asked(request, row)

    def answer(self, request: HttpRequest, row: Intervention) -> HttpResponse:
        offered = {way["id"]: way for way in handoff_steps.ways(self.session)}
        way = offered.get(request.POST.get("way", ""))
        if way is None:
            return self.asked(request, row, wrong=GONE if request.POST.get("way") else CHOOSE)
        chosen = [{"type": way["type"], "option_id": way["id"]}]
        if self.changed_by(request, row, {"selected_options": chosen}) is not None:
            return self.asked(request, row, wrong=GONE)
        if found := handoff_steps.blockers(self.session, Step.DELIVERY):
            said = translation.words(self.topic.language if self.topic else "")
            return self.asked(request, row, wrong=pricing.wording(found[0], said))
        return self.next()

    def asked(self, request: HttpRequest, row: Intervention, *, wrong: str = "") -> HttpResponse:
        language = self.topic.language if self.topic else ""
        now = handoff_steps.chosen(self.session)
        picked = request.POST.get("way") or (now["id"] if now else "")
        ways = [
            way_of(way, self.session.currency, language, chosen=way["id"] == picked)
            for way in handoff_steps.ways(self.session)
        ]
        context = {"ways": ways, "wrong": wrong, "back": self.back(), "field": ways[0].id if ways else ""}
        return self.show_step(request, row, "handoff_delivery", context)


def way_of(option: Mapping[str, Any], currency: str, language: str, *, chosen: bool) -> Way:
    """An offered option in the language of its reader."""
    said = translation.words(language)
    price = amount_text(option["price"], currency, language) if option["price"] else said(FREE)
    with django_translation.override(language or "en"):
        more = (option["description"], _when(option, said), _where(option, said))
    return Way(option["id"], option["title"], price, tuple(text for text in more if text), chosen)


def _when(option: Mapping[str, Any], said: translation.Words) -> str:
    match option["type"]:
        case "shipping":
            first, last = (_moment(option[name], said(DAY), UTC) for name in ("earliest", "latest"))
            if first and last:
                return said(BETWEEN) % {"first": first, "last": last}
            return said(BY) % {"last": last} if last else ""
        case "local_delivery" if window := option["delivery_window"]:
            values = {
                "first": _moment(window["start"], said(HOUR)),
                "last": _moment(window["end"], said(HOUR)),
            }
            return said(WINDOW) % values
        case "pickup" if option["ready_by"]:
            return said(READY) % {"first": _moment(option["ready_by"], said(HOUR))}
    return ""


def _where(option: Mapping[str, Any], said: translation.Words) -> str:
    place = option.get("location")
    if not place:
        return ""
    address = place["address"]
    written = f"{address['line_one']}, {address['postal_code']} {address['city']}"
    return said(AT) % {"place": place["name"], "address": written}


def _moment(instant: str, written: str, zone: tzinfo | None = None) -> str:
    """The instant by the clock of `zone`, the merchant's by default, or "" for none; in the language of
    the thread."""
    at = dateparse.parse_datetime(instant) if instant else None
    if at is None:
        return ""
    local = timezone.localtime(at, zone or timezone.get_default_timezone())
    return str(formats.date_format(local, written))
