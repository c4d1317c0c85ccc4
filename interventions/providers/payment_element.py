"""A person confirms with a card, in Stripe's Payment Element: a SetupIntent for each challenge.

Nothing is charged and no card is kept: the card belongs to nobody at Stripe, so it cannot be used
again. What is proven is that somebody had the card, and passed what its bank asked. How the purchase
is paid has nothing to do with it.

The challenge's id is the idempotency key, so the same intent is answered whenever it is asked for,
and nothing of ours remembers it. Stripe replays for 24 hours; a challenge is over long before. What
the browser or the agent says appears nowhere (decision 20): an intent is read back, and is a yes when
Stripe says `succeeded` of the very thing that was asked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from interventions.errors import ProviderSilent
from interventions.http import Http, NoReply, Reply
from interventions.ports import Begun, Challenge, NotYet, Passed, Refused, Verdict
from interventions.providers.openid_published import content_of

log = logging.getLogger("agentic.interventions.stripe")

RELEASE = "endive"
VERSION = f"2026-10-28.{RELEASE}"
"""Of Stripe's API. Its library for pages is of the same release."""
API, SCRIPTS = "https://api.stripe.com", "https://js.stripe.com"
BANKS = "https://hooks.stripe.com"
"""Where Stripe shows what a bank asks."""
MOST_KEYS = 3
TOLD = "client_secret"
"""What our page hands to the element."""

_INTENT = re.compile(r"seti_[A-Za-z0-9_]{1,120}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What was agreed with Stripe. Origins are written as browsers do: `https://host`."""

    publishable_key: str
    """Stands in the page; Stripe means it to be public."""
    secret_key: str = field(repr=False)
    name: str = "Stripe"
    """How agents, buyers and operators know it."""
    api_origin: str = API
    script_origin: str = SCRIPTS
    three_d_secure: str = "any"
    """any: the bank is asked where the card can be; challenge: and asked to question the buyer;
    automatic: where Stripe thinks that it must, which for a card that is not kept is seldom."""
    timeout_seconds: float = 4.0
    """For each question; two make a verdict."""

    @property
    def live(self) -> bool:
        return self.publishable_key.startswith("pk_live_")


class PaymentElementProvider:
    """Runs embedded pages: `page` is the address of our own page with the element, for a challenge's
    id. Called with no transaction open; may take seconds."""

    framed_only = True
    """Nobody is sent there and comes back, so it runs no redirects."""

    def __init__(
        self, arrangement: Arrangement, http: Http, *, origin: str, page: Callable[[str], str]
    ) -> None:
        self.arrangement, self._http, self._page = arrangement, http, page
        self.name = arrangement.name
        self.origins: Sequence[str] = (origin,)

    @property
    def script(self) -> str:
        """Stripe's library, which may be loaded from Stripe only."""
        return f"{self.arrangement.script_origin}/{RELEASE}/stripe.js"

    @property
    def scripts_from(self) -> tuple[str, ...]:
        """Where the library may load itself from: Stripe also serves it from hosts below its own."""
        own = self.arrangement.script_origin
        return (own, own.replace("://", "://*.")) if own == SCRIPTS else (own,)

    @property
    def frames_from(self) -> tuple[str, ...]:
        """Whose pages the library puts into ours."""
        return (*self.scripts_from, BANKS)

    def begin(self, challenge: Challenge, *, return_to: str, state: str) -> Begun:
        """Our page with the element, and the secret of its intent to hand over: nobody is sent back
        to `return_to`. Repeatable: the intent is the same. Raises ProviderSilent."""
        intent = self._made(challenge)
        url = f"{self._page(challenge.id)}?{urlencode({'state': state})}"
        return Begun(url, told={TOLD: str(intent[TOLD])})

    def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        """What Stripe says now of the challenge's intent; `evidence` is not read. Raises ProviderSilent."""
        found = self._made(challenge)["id"]
        # What was made is answered as it was then; only the intent itself says how it stands.
        intent = self._intent(self._asked("GET", f"/v1/setup_intents/{found}"))
        if intent["id"] != found:
            log.warning("%s answered for another intent than asked", self.name)
            raise ProviderSilent
        match intent.get("status"):
            case "succeeded" if intent.get("metadata") == _metadata(challenge):
                return Passed()
            case "succeeded":
                log.warning("%s confirmed another purchase than asked", self.name)
                return NotYet()
            case "canceled":
                return Refused("canceled")
            case _:
                return NotYet()

    def _made(self, challenge: Challenge) -> dict[str, Any]:
        """The intent of this challenge as it was when it was made, which may be now."""
        form = {
            "usage": "on_session",
            "payment_method_types[]": "card",
            "payment_method_options[card][request_three_d_secure]": self.arrangement.three_d_secure,
            **{f"metadata[{name}]": value for name, value in _metadata(challenge).items()},
        }
        for number in range(1, MOST_KEYS + 1):
            key = challenge.id if number == 1 else f"{challenge.id}.{number}"
            reply = self._asked("POST", "/v1/setup_intents", form, {"Idempotency-Key": key})
            # Stripe keeps an error of its own under a key, too. Whoever meets it again goes on to the
            # next key, and so does everybody after them.
            if reply.status < 500 or reply.headers.get("idempotent-replayed") != "true":
                break
        return self._intent(reply)

    def _asked(
        self,
        method: str,
        path: str,
        form: Mapping[str, str] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Reply:
        arranged = self.arrangement
        headers = {
            "Authorization": f"Bearer {arranged.secret_key}",
            "Stripe-Version": VERSION,
            **(more or {}),
        }
        try:
            return self._http.request(
                method,
                arranged.api_origin + path,
                headers=headers,
                form=form,
                timeout_seconds=arranged.timeout_seconds,
            )
        except NoReply:
            raise ProviderSilent from None

    def _intent(self, reply: Reply) -> dict[str, Any]:
        """The intent that was answered. Raises ProviderSilent for whatever else it is."""
        if reply.status != 200:
            log.warning("%s answered with no intent: status %s", self.name, reply.status)
            raise ProviderSilent
        intent = content_of(reply)
        if not _is_intent(intent, live=self.arrangement.live):
            log.warning("%s answered with something else than an intent of ours", self.name)
            raise ProviderSilent
        return intent


def _is_intent(said: Mapping[str, Any], *, live: bool) -> bool:
    """Its id goes into an address, and its secret into a page; a card of the test mode confirms
    nothing to a live shop."""
    name, secret = said.get("id"), said.get(TOLD)
    return (
        said.get("object") == "setup_intent"
        and isinstance(name, str)
        and _INTENT.fullmatch(name) is not None
        and isinstance(secret, str)
        and secret.startswith(f"{name}_secret_")
        and said.get("livemode") is live
    )


def _metadata(challenge: Challenge) -> dict[str, str]:
    """What was asked, as Stripe keeps it: every value is a text there."""
    return {
        "intervention": challenge.id,
        "amount": str(challenge.amount),
        "currency": challenge.currency.lower(),
    }
