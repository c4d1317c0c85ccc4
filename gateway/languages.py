"""The language a buyer is spoken to in: one of those the merchant serves (ACP-014)."""

from __future__ import annotations

from django.utils.translation.trans_real import parse_accept_lang_header

from checkout.models import CheckoutSession
from gateway.conf import conf
from interventions.translation import is_tag

LONGEST_TAG = 35
"""Characters, as BCP 47 recommends to allow for."""


def default() -> str:
    """What is spoken to somebody who wishes nothing that is served."""
    return conf().LANGUAGES[0] if conf().LANGUAGES else "en"


def best(wished: object, accepted: str) -> str:
    """The language to speak: the one `wished` for, else the best of an Accept-Language header.

    Either may be missing, unknown, malformed or endless: then it does not count. A variant that
    is not served falls back to its language, and a language to its variant: de-AT to de, pt to
    pt-BR.
    """
    served = {tag.lower(): tag for tag in conf().LANGUAGES}
    if isinstance(wished, str) and (found := _match(wished, served)):
        return found
    for name, weight in parse_accept_lang_header(accepted):
        if name == "*":
            break
        if weight and (found := _match(name, served)):
            return found
    return default()


def of_session(session: CheckoutSession) -> str:
    """The language its buyer is spoken to in; decided when it was opened (ACP-083)."""
    return session.extras.get("locale") or default()


def _match(wished: str, served: dict[str, str]) -> str:
    tag = wished.strip().replace("_", "-").lower() if len(wished) <= LONGEST_TAG else ""
    if not is_tag(tag):
        return ""
    shorter = tag
    while shorter:
        if shorter in served:
            return served[shorter]
        shorter = shorter.rpartition("-")[0]
    language = tag.partition("-")[0]
    return next((spoken for key, spoken in served.items() if key.startswith(f"{language}-")), "")
