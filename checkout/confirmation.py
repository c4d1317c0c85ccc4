"""An operator's action in two steps: what it will do, then, with a reason, that it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from checkout.screens import Screen, detail

MOST_ROWS = 100
CONFIRMED = "confirmed"
BACK = "back"

Row = TypeVar("Row", bound=Model)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=200,
        help_text="Kept in the history of each row, with your name. Do not write secrets or card data.",
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """An action as the operator is asked about it."""

    action: str
    title: str
    will: str
    """What happens when it is confirmed, and what does not."""
    button: str


@dataclass(frozen=True, slots=True)
class Confirmed(Generic[Row]):
    """The operator said yes."""

    rows: list[Row]
    answers: Mapping[str, Any]

    @property
    def reason(self) -> str:
        return str(self.answers["reason"])


def ask(
    screen: Screen,
    request: HttpRequest,
    queryset: QuerySet[Row],
    decision: Decision,
    form_class: type[forms.Form] = ReasonForm,
) -> Confirmed[Row] | HttpResponse | None:
    """The confirmed rows and answers, or the page that asks; None when there are too many rows.

    The action carries out the first, and returns the others as they are.
    """
    rows = list(queryset[: MOST_ROWS + 1])
    if len(rows) > MOST_ROWS:
        screen.message_user(request, f"Choose at most {MOST_ROWS} rows at a time.", messages.ERROR)
        return None
    form = form_class(request.POST) if CONFIRMED in request.POST else form_class()
    if form.is_valid():
        return Confirmed(rows, form.cleaned_data)
    context = {
        **screen.admin_site.each_context(request),
        "title": decision.title,
        "decision": decision,
        "rows": rows,
        "form": form,
        "opts": screen.opts,
        "media": screen.media,
        "checkbox": ACTION_CHECKBOX_NAME,
        "back": BACK in request.POST,
    }
    return TemplateResponse(request, "admin/agentic_checkout/confirm.html", context)


def onward(request: HttpRequest, rows: list[Row]) -> HttpResponse | None:
    """Back to the page the action was started from; None for the list."""
    if BACK in request.POST and len(rows) == 1:
        return HttpResponseRedirect(detail(type(rows[0]), str(rows[0].pk)))
    return None
