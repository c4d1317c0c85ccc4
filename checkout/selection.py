"""Which delivery options are in force, and which lines each of them carries.

Every physical line goes by exactly one option, which the agent chose or the merchant's rule
preselects; goods that come over the network go by a digital option where one is offered, without
being asked for. Nobody is sent to fetch goods who did not choose that: a pickup is preselected for
groups of that type only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop

from checkout.addresses import incomplete
from checkout.destinations import Destination, Offer, names, own_id
from checkout.ports import BasketLine, Option, ports
from checkout.problems import Problem, problem

SELECTED = "$.selected_fulfillment_options"


@dataclass(frozen=True, slots=True)
class Selected:
    """An option in force. `item_ids` names its lines as the agent did (C-28)."""

    option: Option
    line_ids: tuple[str, ...]
    item_ids: tuple[str, ...]


def select(
    offer: Offer, chosen: Sequence[Mapping[str, Any]] | None, problems: list[Problem]
) -> list[Selected]:
    """The options in force for the session's lines; what is wrong or missing goes to `problems`.

    A choice that is not offered any more, or was never, is dropped with a message, and nothing is
    preselected in its place (ACP-044, ACP-082).
    """
    before = len(problems)
    found = _Choosing(offer, problems).judged(chosen) if chosen else []
    refused = len(problems) > before
    taken = {line_id for entry in found for line_id in entry.line_ids}
    found += _over_the_network(offer, taken)
    found += _for_the_rest(offer, taken, problems, bool(chosen), refused)
    return found


def distinct(selected: Iterable[Selected]) -> tuple[Option, ...]:
    """The options in force, one chosen twice for different lines once: it has one price."""
    return tuple({entry.option.id: entry.option for entry in selected}.values())


class _Choosing:
    """Judges what the agent chose, entry by entry."""

    def __init__(self, offer: Offer, problems: list[Problem]) -> None:
        self.offer, self.problems = offer, problems
        self.named = names(offer.basket)
        self.lines = {line.id: line for line in offer.basket.lines}
        self.options = {option.id: option for option in offer.options}
        self.taken: set[str] = set()

    def judged(self, chosen: Sequence[Mapping[str, Any]]) -> list[Selected]:
        """The choices that can be carried out, in their order."""
        found: dict[int, Selected] = {}
        for index, choice in enumerate(chosen):
            if choice.get("item_ids") and (entry := self._for_its_lines(index, choice)):
                found[index] = entry
        # Who names no lines means all that nobody else has named.
        for index, choice in enumerate(chosen):
            if not choice.get("item_ids") and (entry := self._for_what_is_left(index, choice)):
                found[index] = entry
        return [found[index] for index in sorted(found)]

    def _for_its_lines(self, index: int, choice: Mapping[str, Any]) -> Selected | None:
        sent = tuple(choice["item_ids"])
        if not self.named.keys() >= set(sent):
            text = gettext_noop("item_ids takes the ids of this session's line items.")
            self._refuse(index, "item_ids", text)
            return None
        option = self._option(index, choice)
        if option is None:
            return None
        line_ids = tuple(dict.fromkeys(self.named[name] for name in sent))
        if not all(_carries(option, self.lines[line_id], self.offer) for line_id in line_ids):
            text = gettext_noop("This delivery option cannot carry all of these line items.")
            self._refuse(index, "item_ids", text)
            return None
        if self.taken.intersection(line_ids):
            text = gettext_noop("A line item can go by one delivery option only.")
            self._refuse(index, "item_ids", text)
            return None
        self.taken.update(line_ids)
        return Selected(option, line_ids, sent)

    def _for_what_is_left(self, index: int, choice: Mapping[str, Any]) -> Selected | None:
        option = self._option(index, choice)
        if option is None:
            return None
        line_ids = _load(option, self.offer, self.taken)
        if not line_ids:
            text = gettext_noop("This delivery option has no line item left to carry.")
            self._refuse(index, "item_ids", text)
            return None
        self.taken.update(line_ids)
        return Selected(option, line_ids, line_ids)

    def _option(self, index: int, choice: Mapping[str, Any]) -> Option | None:
        option = self.options.get(choice["option_id"])
        if option is not None and option.type == choice["type"]:
            return option
        text = gettext_noop(
            "This delivery option is not offered for this order. Choose one of the offered options."
        )
        self._refuse(index, "option_id", text)
        return None

    def _refuse(self, index: int, member: str, text: str) -> None:
        self.problems.append(problem("error", "invalid", text, param=f"{SELECTED}[{index}].{member}"))


def _over_the_network(offer: Offer, taken: set[str]) -> list[Selected]:
    """The digital options for digital lines that nobody chose anything for; `taken` grows."""
    found = []
    if all(line.product.physical for line in offer.basket.lines):
        return []
    for line in offer.basket.lines:
        if line.product.physical or line.id in taken:
            continue
        ways = [
            option for option in offer.options if option.type == "digital" and _carries(option, line, offer)
        ]
        if option := _by_rule(ways) or next(iter(ways), None):
            line_ids = _load(option, offer, taken)
            taken.update(line_ids)
            found.append(Selected(option, line_ids, line_ids))
    return found


def _for_the_rest(
    offer: Offer, taken: set[str], problems: list[Problem], chose: bool, refused: bool
) -> list[Selected]:
    """The preselected options for physical lines that have none, or the problems they make."""
    found: list[Selected] = []
    undecided = False
    for destination in offer.destinations:
        left = [line for line in destination.basket.lines if line.product.physical and line.id not in taken]
        if destination.basket.address is None and (
            brought := [line for line in left if offer.wishes.kinds.get(line.id) != "pickup"]
        ):
            problems.append(incomplete(destination.param))
            left = [line for line in left if line not in brought]
        stranded = [line for line in left if not _ways(offer, line)]
        problems += _unreachable(offer, destination, stranded, all_of=len(stranded) == len(left))
        left = [line for line in left if line not in stranded]
        if left and chose:
            undecided = True
        while left and not chose:
            option = _preselected(offer, left)
            if option is None:
                undecided = True
                break
            line_ids = _load(option, offer, taken)
            taken.update(line_ids)
            found.append(Selected(option, line_ids, line_ids))
            left = [line for line in left if line.id not in taken]
    if undecided and not refused:
        text = gettext_noop("Choose one of the offered delivery options.")
        if found or chose:
            text = gettext_noop("Some line items have no delivery option yet. Choose one for each of them.")
        problems.append(problem("error", "missing", text, param=SELECTED))
    return found


def _unreachable(
    offer: Offer, destination: Destination, stranded: Sequence[BasketLine], *, all_of: bool
) -> list[Problem]:
    if not stranded:
        return []
    if all_of:
        text = gettext_noop("Nothing here can be delivered to this address.")
        return [problem("error", "region_restricted", text, param=destination.param)]
    text = gettext_noop("This item cannot be delivered to the address.")
    places = {line.id: index for index, line in enumerate(offer.basket.lines)}
    return [
        problem("error", "region_restricted", text, param=f"$.line_items[{places[line.id]}]")
        for line in stranded
    ]


def _preselected(offer: Offer, left: Sequence[BasketLine]) -> Option | None:
    """What the merchant's rule chooses for the first line: rather what carries all that is left."""
    ways = _ways(offer, left[0])
    whole = [option for option in ways if all(_carries(option, line, offer) for line in left)]
    return _by_rule(whole or ways)


def _ways(offer: Offer, line: BasketLine) -> list[Option]:
    """What can be preselected for the line: what carries it, a pickup only if its group says so."""
    fetched = offer.wishes.kinds.get(line.id) == "pickup"
    return [
        option
        for option in offer.options
        if (fetched or option.type != "pickup") and _carries(option, line, offer)
    ]


def _by_rule(ways: Sequence[Option]) -> Option | None:
    if not ways:
        return None
    match ports().rules.preselect:
        case "cheapest":
            return min(ways, key=lambda option: option.price)
        case "first":
            return ways[0]
    return None


def _carries(option: Option, line: BasketLine, offer: Offer) -> bool:
    """The option can carry the line, and the line's group has nothing against it."""
    if option.line_ids and line.id not in option.line_ids:
        return False
    if option.type == "digital":
        return not line.product.physical
    if not line.product.physical or not offer.wishes.kinds:
        return True
    if offer.wishes.kinds.get(line.id, option.type) != option.type:
        return False
    place = offer.wishes.locations.get(line.id)
    return place is None or place == own_id(option, offer)


def _load(option: Option, offer: Offer, taken: set[str]) -> tuple[str, ...]:
    """The free lines that the option carries; digital ones only if nothing digital carries them."""
    ways = [way for way in offer.options if way.type == "digital"] if option.type != "digital" else []
    return tuple(
        line.id
        for line in offer.basket.lines
        if line.id not in taken
        and _carries(option, line, offer)
        and (line.product.physical or not any(_carries(way, line, offer) for way in ways))
    )
