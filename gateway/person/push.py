"""Push messages on the device before a person who is signed in, for the script of their devices page.

POST  .../account/push/subscribe   the browser's subscription; a message with a secret goes to it
POST  .../account/push/standing    how it stands with this device
POST  .../account/push/test        another message with a secret
POST  .../account/push/remove      nothing goes to this device any more
POST  .../account/push/confirm     our worker brings the secret back
GET   .../account/push-worker.js   our worker, which shows messages

The message is sent while the person waits and not by an effect: they learn at once whether their browser's
push service takes it, and the secret in it is written down nowhere.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import REASON_BAD_ORIGIN, CsrfViewMiddleware
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.decorators import decorator_from_middleware, method_decorator
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from gateway import intake, keys, languages, push_key, reach_parts, windows
from gateway.conf import conf
from gateway.egress import egress
from gateway.person import forms
from gateway.person.pages import Page, spoken
from gateway.persons import Person, persons
from gateway.strict_json import BadJSON
from interventions import push_devices, push_subscriptions
from interventions.channels.web_push import WebPush
from interventions.push_devices import TooManyDevices
from interventions.push_subscriptions import Malformed
from interventions.reach_models import ReachChannel
from interventions.reach_ports import ChannelGone, NotReached
from interventions.translation import words

LONGEST_BODY = 8 * 1024
LONGEST_SECRET = 200
PURPOSE = "person who sets up messages"
CALLS, SENDS = 60, 6
"""A minute, for each person: all calls, and those that send something."""
PROOF_SECONDS = 120
"""How long a push service keeps the message with the secret."""

ON, OFF, WAITING, BROKEN = "on", "off", "waiting", "broken"

PROOF = gettext_noop("Messages of %(merchant)s reach this device")
FOREIGN = gettext_noop("This page is too old, or not ours. Open it again.")
SIGNED_OUT = gettext_noop("You are not signed in any more. Sign in, and try again.")
TOO_OFTEN = gettext_noop("That was too often. Wait a minute before you try again.")
UNREADABLE = gettext_noop("We could not use what your browser sent.")
NOT_THERE = gettext_noop("This shop sends no messages to devices.")
TOO_MANY = gettext_noop("You have too many devices. Remove one of them first.")
NOT_TAKEN = gettext_noop("Your browser's message service did not take our message. Try again later.")
GIVEN_UP = gettext_noop("Your browser's message service does not know this device any more. Set it up again.")
UNPROVEN = gettext_noop("That proves nothing for you: too late, used before, or meant for somebody else.")
ELSEWHERE = gettext_noop("Your browser's message service is at an address that we do not send to.")


class _OwnScripts(CsrfViewMiddleware):
    """Django's check of forms, for scripts: its refusal is JSON."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        return _told(request, {"problem": FOREIGN}, 403)


class _OwnOrigin(_OwnScripts):
    """A worker knows no token of a form. Browsers say where a request comes from, and no page can say
    otherwise."""

    def process_view(self, request: HttpRequest, *_: Any) -> Any:
        # Django's own reading of where a form may come from.
        if "HTTP_ORIGIN" in request.META and self._origin_verified(request):  # type: ignore[attr-defined]
            return None
        return self._reject(request, REASON_BAD_ORIGIN)


class ForScript(Page):
    """One call in JSON, by somebody who is signed in."""

    http_method_names = ["post"]
    sends: ClassVar[bool] = False
    person: Person
    channel: WebPush

    def post(self, request: HttpRequest) -> HttpResponse:
        channel, person = reach_parts.web_push(), persons().signed_in(request)
        if channel is None or reach_parts.key() is None:
            return _told(request, {"problem": NOT_THERE, "state": OFF}, 503)
        if person is None:
            return _told(request, {"problem": SIGNED_OUT}, 401)
        self.channel, self.person = channel, person
        if seconds := self.too_often():
            response = _told(request, {"problem": TOO_OFTEN}, 429)
            response.headers["Retry-After"] = str(seconds)
            return response
        try:
            given = intake.read_json(request, cap=LONGEST_BODY)
        except (intake.IntakeError, BadJSON):
            return _told(request, {"problem": UNREADABLE}, 400)
        finally:
            # It is how somebody is written to: nothing that logs bodies shall find it.
            intake.forget_body(request)
        try:
            return self.answer(request, given)
        except Malformed as problem:
            return _told(request, {"problem": UNREADABLE, "member": problem.member}, 400)

    def answer(self, request: HttpRequest, given: Mapping[str, Any]) -> HttpResponse:
        raise NotImplementedError

    def too_often(self) -> int:
        """The seconds until the person may call again; 0 when they may now."""
        whose = keys.digest(self.person.id.encode(), PURPOSE)
        counts = [(f"push:{whose}", CALLS)] + ([(f"push-sent:{whose}", SENDS)] if self.sends else [])
        return math.ceil(windows.take(counts).wait_seconds)

    def device(self, given: Mapping[str, Any]) -> ReachChannel | None:
        """The person's own row of the device that is named. Raises Malformed."""
        endpoint = given.get("endpoint")
        if not isinstance(endpoint, str):
            raise Malformed("endpoint")
        return push_devices.find(self.person.id, endpoint)

    @sensitive_variables("message")
    def prove(self, request: HttpRequest, row: ReachChannel) -> HttpResponse:
        """The secret is on its way to the device, if its push service takes it."""
        title = _words(request, self.person.language)(PROOF) % {"merchant": conf().MERCHANT_NAME}
        message = {"id": row.pk, "title": title, "url": "", "proof": push_devices.to_prove(row)}
        try:
            self.channel.send(row, message, topic=row.pk, seconds=PROOF_SECONDS)
        except ChannelGone:
            push_devices.forget(row)
            return _told(request, {"problem": GIVEN_UP, "state": OFF}, 410)
        except NotReached:
            push_devices.failed(row)
            return _told(request, {"problem": NOT_TAKEN, "state": BROKEN}, 502)
        return _told(request, {"state": WAITING})


_tokened = method_decorator(decorator_from_middleware(_OwnScripts), name="dispatch")


@_tokened
class Subscribe(ForScript):
    sends = True

    @sensitive_variables("subscription", "given")
    def answer(self, request: HttpRequest, given: Mapping[str, Any]) -> HttpResponse:
        subscription = push_subscriptions.read(given)
        if not egress().permits(subscription.endpoint):
            return _told(request, {"problem": ELSEWHERE, "member": "endpoint"}, 400)
        label = given.get("label")
        try:
            row = push_devices.register(
                self.person.id, subscription, forms.cleaned(label) if isinstance(label, str) else ""
            )
        except TooManyDevices:
            return _told(request, {"problem": TOO_MANY}, 409)
        return _told(request, {"state": ON}) if row.works else self.prove(request, row)


@_tokened
class Standing(ForScript):
    def answer(self, request: HttpRequest, given: Mapping[str, Any]) -> HttpResponse:
        return _told(request, {"state": _state(self.device(given))})


@_tokened
class Test(ForScript):
    sends = True

    def answer(self, request: HttpRequest, given: Mapping[str, Any]) -> HttpResponse:
        row = self.device(given)
        return self.prove(request, row) if row else _told(request, {"state": OFF}, 404)


@_tokened
class Remove(ForScript):
    def answer(self, request: HttpRequest, given: Mapping[str, Any]) -> HttpResponse:
        if row := self.device(given):
            push_devices.forget(row)
        return _told(request, {"state": OFF})


@method_decorator(decorator_from_middleware(_OwnOrigin), name="dispatch")
class Confirm(ForScript):
    @sensitive_variables("secret", "given")
    def answer(self, request: HttpRequest, given: Mapping[str, Any]) -> HttpResponse:
        secret = given.get("proof")
        if not isinstance(secret, str) or not 0 < len(secret) <= LONGEST_SECRET:
            raise Malformed("proof")
        if push_devices.confirm(self.person.id, secret) is None:
            return _told(request, {"problem": UNPROVEN}, 409)
        return _told(request, {"state": ON})


class Worker(Page):
    """Our service worker, the same for everybody. It is for the account alone: whatever worker the merchant
    has for the rest of his site stays in charge there."""

    def get(self, request: HttpRequest) -> HttpResponse:
        source = render_to_string("agentic/push_worker.js")
        response = HttpResponse(source, content_type="text/javascript; charset=utf-8")
        response.headers["Service-Worker-Allowed"] = scope()
        # What governs the worker: it asks us, and nobody else.
        response.headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Cache-Control"] = "no-cache"
        return response


def scope() -> str:
    """The part of the site that our worker is for: a person's account."""
    return reverse("agentic:push_worker").rpartition("/")[0] + "/"


def part() -> dict[str, Any]:
    """What `agentic/account_push.html` shows; its page is given to `Page.page` with `works=True` and
    `asks=("'self'",)`. Empty where no push messages are sent."""
    key = reach_parts.key() if reach_parts.web_push() else None
    return {"push": {"key": push_key.public(key), "scope": scope()}} if key else {}


def _state(row: ReachChannel | None) -> str:
    if row is None:
        return OFF
    if row.works:
        return ON
    return BROKEN if row.failed_at or not row.proof else WAITING


def _words(request: HttpRequest, wished: str = "") -> Any:
    return words(languages.best(wished or None, request.headers.get("Accept-Language", "")))


def _told(request: HttpRequest, told: Mapping[str, str], status: int = 200) -> HttpResponse:
    said = {**told, "problem": _words(request)(told["problem"])} if "problem" in told else told
    return spoken(said, status)
