"""The wallet's pages for people. A GET shows what is asked; a POST from that page decides."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template import Context, Engine
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt

from gateway.wallet import asking, tokens
from gateway.wallet.asking import FIELDS, Asked, BadRequest
from gateway.wallet.books import Books, Decision, Grant
from gateway.wallet.registration import Registration, registration

ENGINE = Engine(dirs=[str(Path(__file__).parent / "templates")])
STATUSES = {"approve": "approved", "deny": "denied", "leave": "abandoned"}
LONGEST_SLOW_SECONDS = 30.0
NOBODY = "'none'"


class SeeOther(HttpResponseRedirect):
    """A redirect after a POST, to an address that was compared with the registered ones."""

    status_code = 303


# No cookie tells who the person is, so there is none to forge; where a POST came from is checked.
# The views open no transaction of the surrounding project's and ask for none of its accounts.
@method_decorator([csrf_exempt, xframe_options_exempt], name="dispatch")
class Page(View):
    """A page for a person, which nothing around it can read or shape."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:
        view: Callable[..., HttpResponseBase] = transaction.non_atomic_requests(super().as_view(**initkwargs))
        return login_not_required(view)

    def page(
        self, name: str, context: dict[str, Any], *, status: int = 200, returns: str = "", around: str = ""
    ) -> HttpResponse:
        """`returns`: where a form may lead besides; `around`: who may show it in a frame."""
        nonce = secrets.token_urlsafe(16)
        html = ENGINE.get_template(f"{name}.html").render(Context({**context, "nonce": nonce}))
        response = HttpResponse(html, status=status)
        # Browsers hold a form's redirect to this list too.
        target = f" {_origin(returns)}" if returns else ""
        response.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; base-uri 'none'; "
            f"form-action 'self'{target}; frame-ancestors {around or NOBODY}"
        )
        # "no-referrer" would hide from us where a POST came from.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Language"] = "en"
        return response


class Authorize(Page):
    """The authorization endpoint: shows the purchase, and sends the decision back."""

    http_method_names = ["get", "head", "post"]
    embedded = False

    def get(self, request: HttpRequest) -> HttpResponse:
        registered = registration()
        try:
            asked = asking.read(request.GET.dict(), registered.clients)
        except BadRequest as problem:
            return self.page("refused", {"why": str(problem)}, status=400)
        decided = Books(registered.books).decision(asked.client.id, asked.id)
        if decided is not None and decided.status == "abandoned":
            decided = None
        return self.show(request, asked, decided)

    def post(self, request: HttpRequest) -> HttpResponse:
        registered = registration()
        try:
            if request.headers.get("Origin", registered.origin) != registered.origin:
                raise BadRequest("The answer did not come from this page.")
            asked = asking.read(request.POST.dict(), registered.clients)
            wanted = STATUSES.get(request.POST.get("decision", ""))
            behaviour = request.POST.get("behaviour", "well")
            if wanted is None or behaviour not in tokens.BEHAVIOURS:
                raise BadRequest("Approve, deny or leave.")
        except BadRequest as problem:
            return self.page("refused", {"why": str(problem)}, status=400)
        if behaviour == "error" and not self.embedded:
            # It broke before anything was written down.
            return _back(asked, {"error": "server_error", "state": asked.state, "iss": registered.issuer})
        books = Books(registered.books)
        decision = books.decide(asked.client.id, asked.id, wanted, asked.amount, asked.currency)
        if (decision.amount, decision.currency) != (asked.amount, asked.currency):
            return self.page("refused", {"why": "Another amount was decided here before."}, status=409)
        if self.embedded:
            return self.done(asked, decision)
        if decision.status == "abandoned":
            return self.page("left", {"asked": asked})
        answer = _answer(registered, books, asked, decision, behaviour, _seconds(request))
        return _back(asked, answer)

    def show(self, request: HttpRequest, asked: Asked, decided: Decision | None) -> HttpResponse:
        context = {
            "asked": asked,
            "decided": decided,
            "fields": [(name, request.GET.get(name, "")) for name in FIELDS],
            "behaviours": tokens.BEHAVIOURS.items(),
            "embedded": self.embedded,
        }
        return self.show_page("decide", context, asked)

    def done(self, asked: Asked, decision: Decision) -> HttpResponse:
        """The end of the embedded page. What it says to the page around it is a hint without a
        secret; the verdict is in the books."""
        context = {
            "decision": decision,
            "told": {"source": "sandbox-wallet", "event": "decided", "confirmation": asked.id},
            "origins": list(asked.client.embed_origins),
        }
        return self.show_page("done", context, asked)

    def show_page(self, name: str, context: dict[str, Any], asked: Asked) -> HttpResponse:
        around = " ".join(asked.client.embed_origins) if self.embedded else ""
        return self.page(name, context, returns=asked.redirect_uri, around=around)


class Embed(Authorize):
    """The same page for a frame: nobody is sent away, the page around it is told instead."""

    embedded = True


def _back(asked: Asked, answer: dict[str, str]) -> HttpResponse:
    return SeeOther(f"{asked.redirect_uri}?{urlencode(answer)}")


def _answer(
    registered: Registration, books: Books, asked: Asked, decision: Decision, behaviour: str, slow: float
) -> dict[str, str]:
    """What the browser takes back to the merchant."""
    state = asked.state if behaviour != "wrong_state" else secrets.token_urlsafe(32)
    issuer = registered.issuer if behaviour != "wrong_issuer" else "https://wallet.invalid"
    answer = {"state": state, "iss": issuer}
    if decision.status != "approved":
        return {"error": "access_denied", **answer}
    grant = Grant(
        client=asked.client.id,
        redirect_uri=asked.redirect_uri,
        confirmation=asked.id,
        nonce=asked.nonce,
        challenge=asked.challenge,
        behaviour=behaviour,
        slow_seconds=slow,
    )
    return {"code": books.new_code(grant), **answer}


def _seconds(request: HttpRequest) -> float:
    try:
        seconds = float(request.POST.get("slow_seconds") or 5)
    except ValueError:
        return 5.0
    return min(seconds, LONGEST_SLOW_SECONDS) if seconds >= 0 else 0.0


def _origin(uri: str) -> str:
    address = urlsplit(uri)
    return f"{address.scheme}://{address.netloc}"
