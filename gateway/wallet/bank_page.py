"""The sandbox bank's pages for the holder of a card. A GET shows the payment; a POST from it decides."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict

from gateway.wallet.asking import OPAQUE, BadRequest, amount_text
from gateway.wallet.bank import challenges, decide
from gateway.wallet.challenges import Challenge
from gateway.wallet.pages import Page, SeeOther
from gateway.wallet.registration import BANK, Client, registration


class FingerprintPage(Page):
    """What a browser opens unseen, so that a bank knows it. This one looks at nothing."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, challenge: str) -> HttpResponse:
        return HttpResponse("", headers={"Cache-Control": "no-store"})

    post = get


class ChallengePage(Page):
    """Approve, deny, leave, or the bank breaks. Without an address to return to it is for an agent's run
    of 3-D Secure, and the browser comes back to where that said."""

    http_method_names = ["get", "head", "post"]

    def get(self, request: HttpRequest, challenge: str) -> HttpResponse:
        try:
            found, client = _found(challenge)
            back = _back(found, client, request.GET)
        except BadRequest as problem:
            return self.page("refused", {"why": str(problem)}, status=400)
        context = {
            "asked": found,
            "client": client,
            "amount_text": amount_text(found.amount, found.currency),
            "confirmation": found.id,
            "return_to": request.GET.get("return_to", ""),
            "state": back[1],
        }
        return self.page("challenge", context, returns=back[0])

    def post(self, request: HttpRequest, challenge: str) -> HttpResponse:
        registered = registration(BANK)
        try:
            if request.headers.get("Origin", registered.origin) != registered.origin:
                raise BadRequest("The answer did not come from this page.")
            found, client = _found(challenge)
            return_to, state = _back(found, client, request.POST)
            decision = request.POST.get("decision", "")
            if decision not in ("approve", "deny", "leave", "error"):
                raise BadRequest("Approve, deny or leave.")
        except BadRequest as problem:
            return self.page("refused", {"why": str(problem)}, status=400)
        if not request.POST.get("return_to"):
            if decide(found, decision, to="issued") == "abandoned":
                challenges().abandon(found)
            return SeeOther(return_to)
        if decide(found, decision, to="authenticated") == "abandoned":
            return self.page("challenge_left", {"client": client})
        # How it went is in the books; what the browser takes back is no word of it.
        return SeeOther(f"{return_to}?{urlencode({'state': state})}")


def _found(challenge: str) -> tuple[Challenge, Client]:
    found = challenges().find(challenge)
    client = registration(BANK).clients.get(found.client) if found else None
    if found is None or client is None:
        raise BadRequest("This payment is not known here.")
    return found, client


def _back(found: Challenge, client: Client, given: QueryDict) -> tuple[str, str]:
    """Where the browser goes afterwards, and with which state: a merchant's page, or an agent's."""
    return_to = given.get("return_to", "")
    run = challenges().run(found)
    if not return_to and run is not None:
        return run.return_to, ""
    return _way_back(client, return_to, given.get("state", ""))


def _way_back(client: Client, return_to: str, state: str) -> tuple[str, str]:
    if not client.knows(return_to):
        raise BadRequest("The address to return to is not registered.")
    if not OPAQUE.fullmatch(state):
        raise BadRequest("The state is missing.")
    return return_to, state
