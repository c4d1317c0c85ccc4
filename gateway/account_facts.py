"""What a person's own agent may know of their account here, and by which scope."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.translation import gettext_noop

from gateway.conf import conf

PROFILE, ORDERS = "profile", "orders"
SCOPES = {
    PROFILE: gettext_noop("Your name and e-mail address"),
    ORDERS: gettext_noop("Your orders here: when you placed them, what they came to and how they stand"),
}


def scopes() -> Mapping[str, str]:
    """What can be granted, by the scope's name, as people read it: ours, and what the settings add."""
    return {**SCOPES, **conf().AAUTH_SCOPES}
