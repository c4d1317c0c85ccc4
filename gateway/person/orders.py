"""The buyer's page of an order."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop

from checkout import progress
from checkout.models import Order
from gateway import intake, languages
from gateway.person import order_story, purchase
from gateway.person.pages import Page
from interventions.translation import words

MOMENT = gettext_noop("j F Y, H:i e")
"""How a moment is written, in the letters of Django's `date` filter."""

ORDER_ID = re.compile(r"ord_[0-9a-z]{1,60}", re.ASCII)


class OrderPage(Page):
    """The permanent page of an order. It shows what was bought and paid and what became of it, not where
    it goes: whoever has the link may see it."""

    def get(self, request: HttpRequest, order_id: str) -> HttpResponse:
        try:
            intake.check_target(request)
            if not ORDER_ID.fullmatch(order_id):  # it may be a card number, and goes into no statement
                raise Order.DoesNotExist
            order = Order.objects.select_related("session").get(pk=order_id)
        except (intake.IntakeError, Order.DoesNotExist):
            return self.page(request, "no_order", {}, status=404)
        language = languages.of_session(order.session)
        bill = purchase.bill(order.quote, order.amount, order.currency, language)
        shown = {
            "order": order,
            "story": order_story.of(order, progress.of(order), language, words(language)),
            "moment": words(language)(MOMENT),
            "bill": bill,
        }
        return self.page(request, "order", shown, language=language)
