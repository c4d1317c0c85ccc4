"""The operator's screens of reconciliation: what differs, oldest first, and what the runs found."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from checkout import timeline
from checkout.confirmation import Decision, ask, onward
from checkout.errors import CheckoutError
from checkout.models import Break, CheckoutSession, Order, Payment, ReconciliationRun, StateMove
from checkout.reconciliation import breaks, healing, report
from checkout.reconciliation.kinds import WORDS
from checkout.reconciliation.states import BreakState
from checkout.screens import ACT, NOTHING, ReadOnlyScreen, copyable, link, when
from checkout.untrusted import visible

EVERY = "all"


class State(admin.SimpleListFilter):
    """Open ones unless another state is chosen: the list is what waits for somebody."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        resolved = (BreakState.HEALED, BreakState.GONE, BreakState.CLOSED)
        return [*((state.value, str(state.label)) for state in resolved), (EVERY, "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Open"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset if chosen == EVERY else queryset.filter(state=chosen or BreakState.OPEN)


@admin.register(Break)
class BreakAdmin(ReadOnlyScreen):
    """A list to work off. Filter and search are answered by indexes."""

    empty_list_text = (
        "Differences between the payment provider's books and ours would be here. They are looked for "
        "every day, or by manage.py agentic_reconcile; what can be put right without charging anybody is "
        "put right first."
    )
    list_display = ("id", "what", "ours", "theirs", "payment_link", "order_link", "first_seen", "age")
    list_filter = (State, "kind")
    ordering = ("first_seen_at",)
    search_fields = ("id",)
    search_help_text = "The whole id of a break, payment, order or session, or the provider's reference."
    actions = ("settle_now", "close")
    fieldsets = (
        (None, {"fields": ("id_in_full", "what", "means", "to_do", "state")}),
        ("Both sides", {"fields": ("ours", "theirs", "reference_shown", "entered")}),
        ("Belongs to", {"fields": ("payment_link", "order_link", "session_link")}),
        ("Clock", {"fields": ("first_seen", "last_seen", "resolved", "resolved_by_shown", "reason_shown")}),
        ("Timeline", {"fields": ("timeline",)}),
    )

    first_seen = staticmethod(when("first_seen_at", "first seen"))
    last_seen = staticmethod(when("last_seen_at", "last seen"))
    entered = staticmethod(when("entered_at", "entered by the provider"))
    resolved = staticmethod(when("resolved_at", "resolved"))

    SETTLE_NOW: ClassVar = Decision(
        action="settle_now",
        title="Ask the provider, and put right what can be",
        will="The provider is asked about each of these. Its answer is recorded, an order that is paid is "
        "placed if it still may be, and money that belongs to no order goes back to the buyer. Nothing is "
        "charged. What both sides then agree on is closed.",
        button="Ask the provider",
    )
    CLOSE: ClassVar = Decision(
        action="close",
        title="Close breaks",
        will="These breaks leave the list, and nothing else is done about them: no money moves. Each stays "
        "closed while both sides say what they say now.",
        button="Close them",
    )

    def search(self, term: str) -> Q:
        if term.startswith("brk_"):
            return Q(pk=term)
        if term.startswith("pay_"):
            return Q(payment=term)
        if term.startswith("ord_"):
            return Q(order=term)
        return Q(session=term) if term.startswith("cs_") else Q(reference=term)

    def offers(self, action: str, row: Break) -> bool:
        return row.state == BreakState.OPEN

    @admin.action(description="Ask the provider now", permissions=[ACT])
    def settle_now(self, request: HttpRequest, queryset: QuerySet[Break]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.SETTLE_NOW)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        for row in confirmed.rows:
            outcome, level = _settled(row)
            self.note(request, row, f"Asked the provider: {confirmed.reason}. {outcome}")
            self.message_user(request, f"Break {row.pk}: {outcome}", level)
        return onward(request, confirmed.rows)

    @admin.action(description="Close", permissions=[ACT])
    def close(self, request: HttpRequest, queryset: QuerySet[Break]) -> HttpResponse | None:
        confirmed = ask(self, request, queryset, self.CLOSE)
        if confirmed is None or isinstance(confirmed, HttpResponse):
            return confirmed
        by = f"operator:{request.user.get_username()}"
        for row in confirmed.rows:
            done = row.state == BreakState.OPEN and breaks.close(row, actor=by, reason=confirmed.reason)
            outcome = "closed" if done else "not open any more, left alone"
            self.note(request, row, f"The break is {outcome}: {confirmed.reason}")
            level = messages.SUCCESS if done else messages.WARNING
            self.message_user(request, f"Break {row.pk} is {outcome}.", level)
        return onward(request, confirmed.rows)

    @admin.display(description="what differs", ordering="kind")
    def what(self, row: Break) -> str:
        return row.get_kind_display()

    @admin.display(description="what that means")
    def means(self, row: Break) -> str:
        return WORDS[row.kind].means

    @admin.display(description="what to do")
    def to_do(self, row: Break) -> str:
        return WORDS[row.kind].do

    @admin.display(description="our books")
    def ours(self, row: Break) -> str:
        return _side(row.ours_state, report.amounts(row)[0])

    @admin.display(description="the provider")
    def theirs(self, row: Break) -> str:
        return _side(row.theirs_state, report.amounts(row)[1])

    @admin.display(description="the provider's reference")
    def reference_shown(self, row: Break) -> SafeString | str:
        return copyable(visible(row.reference)) if row.reference else NOTHING

    @admin.display(description="payment")
    def payment_link(self, row: Break) -> SafeString | str:
        return link(Payment, row.payment) if row.payment else NOTHING

    @admin.display(description="order")
    def order_link(self, row: Break) -> SafeString | str:
        return link(Order, row.order) if row.order else NOTHING

    @admin.display(description="session")
    def session_link(self, row: Break) -> SafeString | str:
        return link(CheckoutSession, row.session) if row.session else NOTHING

    @admin.display(description="open for", ordering="-first_seen_at")
    def age(self, row: Break) -> str:
        return timesince(row.first_seen_at) if row.state == BreakState.OPEN else row.get_state_display()

    @admin.display(description="resolved by")
    def resolved_by_shown(self, row: Break) -> str:
        return visible(row.resolved_by) or NOTHING

    @admin.display(description="reason")
    def reason_shown(self, row: Break) -> str:
        return visible(row.reason) or NOTHING

    @admin.display(description="what happened")
    def timeline(self, row: Break) -> SafeString:
        return _story(row)


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyScreen):
    """The newest comparisons first. Few rows: one a day, and those by command."""

    empty_list_text = (
        "Comparisons of the payment provider's books with ours would be here. One begins every day, and with "
        "manage.py agentic_reconcile, if the payment provider keeps books that can be read."
    )
    list_display = ("id", "origin", "from_then", "before_then", "state", "entries", "created", "ended")
    list_filter = ("state",)
    search_fields = ("id",)
    search_help_text = "The whole id of a run."
    fields = (
        "id_in_full",
        "origin",
        "from_then",
        "before_then",
        "heal",
        "state",
        "phase",
        "compared_until",
        "error",
        "created",
        "ended",
        "report",
    )

    from_then = staticmethod(when("since", "from"))
    before_then = staticmethod(when("until", "until"))
    compared_until = staticmethod(when("cursor", "compared until"))
    ended = staticmethod(when("ended_at"))

    @admin.display(description="entries")
    def entries(self, run: ReconciliationRun) -> int:
        return int(run.counts.get("entries", 0))

    @admin.display(description="report, with what is open now")
    def report(self, run: ReconciliationRun) -> SafeString:
        return format_html("<pre>{}</pre>", report.text(run))


def _story(row: Break) -> SafeString:
    """Its moves and what operators did, oldest first."""
    moved = StateMove.objects.filter(subject=row.pk)[: timeline.LONGEST]
    events = [
        timeline.Event(
            at=move.at,
            who=_who(move.actor),
            what="break",
            state=f"{move.from_state or 'new'} → {move.to_state}",
            note=visible(move.note),
        )
        for move in moved
    ]
    mine = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(Break), object_id=row.pk)
    events += [
        timeline.Event(
            at=entry.action_time,
            who=f"operator {entry.user.get_username()}",
            what="break",
            note=visible(entry.get_change_message()),
        )
        for entry in mine.select_related("user").order_by("pk")[: timeline.LONGEST]
    ]
    events.sort(key=lambda event: event.at)
    return SafeString(render_to_string("admin/agentic_checkout/timeline.html", {"events": events}))


def _who(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return f"operator {visible(name)}" if kind == "operator" else visible(actor)


def _side(state: str, amount: str) -> str:
    return " ".join(part for part in (visible(state), amount) if part)


def _settled(row: Break) -> tuple[str, int]:
    """What came of it, in words, and how good that is."""
    if row.state != BreakState.OPEN:
        return "It is not open any more, left alone.", messages.WARNING
    try:
        state = healing.look_at(row, heal=True, patient=False)
    except healing.NoLedger as problem:
        return str(problem), messages.ERROR
    except CheckoutError as problem:
        return problem.message, messages.WARNING
    if state == BreakState.OPEN:
        return "It is still there. " + WORDS[row.kind].do, messages.WARNING
    return {"healed": "It is put right.", "gone": "It is gone."}.get(
        state, f"It is {state}."
    ), messages.SUCCESS
