"""What looks wrong about where a session goes: looked up by the merchant's part, told, never in the way.

An address check is passive (ACP-163, decision 23): no person is asked, nothing is changed for the
buyer, and the session can be paid as it stands.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from django.utils.translation import gettext_noop

from checkout.addresses import complete_address
from checkout.destinations import ADDRESS, GROUPS, MOST_ADDRESSES
from checkout.models import CheckoutSession
from checkout.problems import Problem, problem
from checkout.untrusted import visible
from interventions.negotiation import Kind
from interventions.ports import AddressCheck, AddressFinding, Doubt, PostalAddress, ports

log = logging.getLogger("agentic.checkout")

MEMBERS = ("name", "company", "line_one", "line_two", "city", "state", "postal_code", "country")
LONGEST_SUGGESTION = 100

_MEANT = {
    "country": gettext_noop(
        "The country is probably %(suggestion)s. Nothing was changed: ask the buyer, and update the address."
    ),
    "state": gettext_noop(
        "The state is probably %(suggestion)s. Nothing was changed: ask the buyer, and update the address."
    ),
    "postal_code": gettext_noop(
        "The postal code is probably %(suggestion)s. Nothing was changed: ask the buyer, and update "
        "the address."
    ),
}
_MEANT_ELSEWHERE = gettext_noop(
    "This part of the address is probably %(suggestion)s. Nothing was changed: ask the buyer, and "
    "update the address."
)
_WRONG = {
    ("country", Doubt.UNKNOWN): gettext_noop(
        "There is no country with this code. Ask the buyer whether the address is right."
    ),
    ("state", Doubt.UNKNOWN): gettext_noop(
        "The country has no state or province of this name. Ask the buyer whether the address is right."
    ),
    ("postal_code", Doubt.MALFORMED): gettext_noop(
        "This is not how postal codes are written in that country. Ask the buyer whether the address is "
        "right."
    ),
    ("postal_code", Doubt.MISPLACED): gettext_noop(
        "The postal code does not lie in that state. Ask the buyer whether the address is right."
    ),
}
_WRITTEN_LIKE = gettext_noop(
    "This is not how postal codes are written in that country; one is %(example)s. Ask the buyer whether "
    "the address is right."
)
_DOUBTFUL = gettext_noop("This part of the address looks wrong. Ask the buyer whether it is right.")


def checked(session: CheckoutSession) -> list[Problem]:
    """What the check says of the session's complete addresses, its groups' own among them.

    Nothing when nobody checks, or the check itself fails. A transaction may be open.
    """
    part = ports().providers.get(Kind.ADDRESS_VERIFICATION)
    if not isinstance(part, AddressCheck):
        return []
    told = {entry["param"] for entry in session.quote["problems"]}
    found = [entry for where, address in _addresses(session) for entry in _found(part, address, where)]
    # What is said there already needs no second voice, unless that one knows better.
    return [entry for entry in found if entry["param"] not in told or "suggestion" in entry.get("values", ())]


def _addresses(session: CheckoutSession) -> list[tuple[str, Mapping[str, str]]]:
    """Where each complete address stands, and what it is; no more of them than are ever priced."""
    stand = [(ADDRESS, complete_address(session.fulfillment_details))]
    for number, group in enumerate(session.fulfillment_groups or ()):
        where = f"{GROUPS}[{number}].fulfillment_details.address"
        stand.append((where, complete_address(group.get("fulfillment_details"))))
    return [(where, address) for where, address in stand if address is not None][: 1 + MOST_ADDRESSES]


def _found(part: AddressCheck, address: Mapping[str, str], where: str) -> list[Problem]:
    """The first finding for each member, in words; nothing from a part that breaks."""
    try:
        first: dict[str, AddressFinding] = {}
        for finding in part.check(PostalAddress(**{name: address.get(name) or "" for name in MEMBERS})):
            if finding.member in MEMBERS:
                first.setdefault(finding.member, finding)
        return [_worded(finding, f"{where}.{member}") for member, finding in first.items()]
    except Exception as failure:
        # Its text may quote the address; and no check keeps anything from being sold.
        log.error("The address check failed: %s", type(failure).__name__)
        return []


def _worded(finding: AddressFinding, param: str) -> Problem:
    """What came from the part is a value, never a template."""
    values: dict[str, object] = {}
    if finding.suggestion:
        text = _MEANT.get(finding.member, _MEANT_ELSEWHERE)
        values = {"suggestion": visible(finding.suggestion, longest=LONGEST_SUGGESTION)}
    elif finding.example and (finding.member, finding.doubt) == ("postal_code", Doubt.MALFORMED):
        text = _WRITTEN_LIKE
        values = {"example": visible(finding.example, longest=LONGEST_SUGGESTION)}
    else:
        text = _WRONG.get((finding.member, finding.doubt), _DOUBTFUL)
    return problem("info", "", text, param=param, resolution="requires_buyer_review", values=values)
