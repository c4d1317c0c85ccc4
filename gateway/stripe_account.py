"""Stripe as the payment provider, and as the vault of its tokens, from plain settings.

"PAYMENTS": "gateway.stripe_account.provider",
"STRIPE": {
    "secret_key": os.environ["STRIPE_SECRET_KEY"],
    "publishable_key": "pk_live_...",
    "webhook_secrets": [os.environ["STRIPE_WEBHOOK_SECRET"]],
    "merchant_id": "profile_...",
}
"VAULT": {"part": "gateway.stripe_account.vault"}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from checkout.payments import declarations
from checkout.payments.stripe_payments import StripeProvider
from checkout.payments.stripe_terms import ASKING, CAPTURES, TOKEN_PARAMETERS, Terms, handler
from checkout.payments.stripe_vault import StripeVault
from gateway import links
from gateway.conf import NAME, conf
from gateway.egress import egress
from interventions.http import LONGEST_SECONDS
from interventions.weblinks import is_origin

PATH = "gateway.stripe_account.provider"
VAULT_PATH = "gateway.stripe_account.vault"
WHERE = f"{NAME}['STRIPE']"
MOST_RETRIES = 2
MARGIN_SECONDS = 1.0
"""Between the end of what Stripe is asked for a verb, pauses included, and PAYMENT_SECONDS."""

_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9_]{8,250}", re.ASCII)
_PUBLISHABLE = re.compile(r"pk_(test|live)_[A-Za-z0-9_]{8,250}", re.ASCII)
_SIGNING = re.compile(r"whsec_[A-Za-z0-9_+/=-]{8,250}", re.ASCII)
_VERSION = re.compile(r"20\d\d-\d\d-\d\d\.[a-z]{1,40}", re.ASCII)


def provider() -> StripeProvider:
    """Asks through the guarded client; the members of the setting are those of `Terms`, and `test_keys`.

    Keys of the test mode are for the demo, and elsewhere only with `test_keys`: everybody has a card of
    the test mode. Raises ImproperlyConfigured, whose text holds no key.
    """
    return StripeProvider(
        _agreed(),
        egress(),
        returned=links.issuer_return,
        attempt_seconds=conf().ATTEMPT_SECONDS,
        verb_seconds=_verb_seconds(),
    )


def vault() -> StripeVault:
    """Cards that agents bring become Stripe's payment methods, on the same account. Raises as `provider`."""
    return StripeVault(_agreed(), egress(), verb_seconds=_verb_seconds())


def _verb_seconds() -> float:
    return max(0.0, conf().PAYMENT_SECONDS - MARGIN_SECONDS)


def _agreed() -> Terms:
    agreed = dict(conf().STRIPE)
    test_keys = agreed.pop("test_keys", False)
    agreed.setdefault("merchant_name", conf().MERCHANT_NAME)
    try:
        terms = Terms(**agreed)
    except TypeError as problem:
        raise ImproperlyConfigured(f"{WHERE}: {str(problem).rpartition('__init__() ')[2]}.") from None
    if wrong := _wrong(terms, test_keys=test_keys):
        raise ImproperlyConfigured(f"{WHERE} {wrong}")
    return terms


def _wrong(terms: Terms, *, test_keys: bool) -> str:
    """What is wrong with it, without a key in it; empty when nothing is."""
    return _wrong_keys(terms, test_keys=test_keys) or _wrong_terms(terms) or _wrong_wire(terms)


def _wrong_keys(terms: Terms, *, test_keys: bool) -> str:
    demo = conf().DEMO
    secret = _KEY.fullmatch(str(terms.secret_key))
    if secret is None:
        return "needs a secret_key that starts with sk_live_, rk_live_, sk_test_ or rk_test_."
    if demo and secret[1] == "live":
        return "has a live key, and the demo's other secrets are known to everybody."
    if not demo and secret[1] == "test" and test_keys is not True:
        return "has a key of the test mode, whose cards everybody has; `test_keys` allows it."
    if terms.publishable_key:
        public = _PUBLISHABLE.fullmatch(str(terms.publishable_key))
        if public is None:
            return "needs a publishable_key that starts with pk_live_ or pk_test_, or none."
        if public[1] != secret[1]:
            return "has a key of the live mode and one of the test mode."
    if not _list_of_texts(terms.webhook_secrets) or not all(map(_SIGNING.fullmatch, terms.webhook_secrets)):
        return "needs webhook_secrets as a list of texts that start with whsec_."
    return ""


def _wrong_terms(terms: Terms) -> str:
    for name, allowed in (("capture", CAPTURES), ("three_d_secure", ASKING)):
        if getattr(terms, name) not in allowed:
            return f"needs a {name} of {', '.join(allowed)}."
    if terms.capture == "automatic" and conf().CAPTURE == "on_shipment":
        return "takes money at once (capture), and CAPTURE is on_shipment."
    for name in ("supports_3ds", "payment_methods"):
        if not isinstance(getattr(terms, name), bool):
            return f"needs a {name} of True or False."
    merchant: Any = terms.merchant_id
    if not isinstance(merchant, str) or not merchant:
        return "needs a merchant_id: the id of your profile in Stripe's network, as agents are told it."
    acquirer = terms.acquirer
    if acquirer:
        sample: dict[str, Any] = {"acquirer_details": acquirer, "directory_server": "visa"}
        if found := declarations.metadata_problems(sample):
            return f"cannot tell agents of its acquirer: {found[0]}"
    if not _list_of_texts(terms.brands) or not _list_of_texts(terms.funding_types):
        return "needs brands and funding_types as lists of texts."
    found = declarations.problems([handler(terms)])
    return f"makes a handler that agents cannot use. {found[0]}" if found else ""


def _wrong_wire(terms: Terms) -> str:
    loopback_http = conf().DEMO
    if not is_origin(terms.api_origin, loopback_http=loopback_http):
        return "needs an api_origin that is an https origin."
    origins: Any = terms.challenge_origins
    if not _list_of_texts(origins) or not origins:
        return "needs challenge_origins as a list of https origins."
    if not all(is_origin(origin, loopback_http=loopback_http) for origin in origins):
        return "needs challenge_origins that are https origins."
    if terms.token_parameter not in TOKEN_PARAMETERS:
        return f"needs a token_parameter of {', '.join(TOKEN_PARAMETERS)}."
    for name in ("version", "token_version"):
        if not _VERSION.fullmatch(str(getattr(terms, name))):
            return f"needs a {name} such as 2026-10-28.endive."
    if not _is_number(terms.timeout_seconds, 0.1, LONGEST_SECONDS):
        return f"needs timeout_seconds of {LONGEST_SECONDS:g} at most."
    if type(terms.retries) is not int or not 0 <= terms.retries <= MOST_RETRIES:
        return f"needs retries of 0 to {MOST_RETRIES}."
    return ""


def _list_of_texts(given: Any) -> bool:
    listed = isinstance(given, Sequence) and not isinstance(given, str | bytes | Mapping)
    return listed and all(isinstance(one, str) for one in given)


def _is_number(given: Any, least: float, most: float) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and least <= given <= most
