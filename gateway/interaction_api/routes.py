"""Which capability an address below the base leads to, straight from the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.interaction_api import legality, registry
from gateway.interaction_api.capabilities import Capability


@dataclass(frozen=True, slots=True)
class Place:
    """An address that exists: what each method does there, and what stands in its last segment."""

    by_method: Mapping[str, Capability] = field(default_factory=dict)
    slot: Mapping[str, str] = field(default_factory=dict)

    @property
    def methods(self) -> list[str]:
        """What the address takes, for `Allow`."""
        heads = ["HEAD"] if "GET" in self.by_method else []
        return [*self.by_method, *heads, "OPTIONS"]


def find(path: str) -> Place | None:
    """The place at `path`, such as /cart or /detail/prod_1; None when there is none.

    What stands for a `:name` goes on to the end, slashes included: an item's id may hold some, which
    arrive decoded. The literal `:name` itself stands for nothing: the value is then in the query.
    """
    exact: dict[str, Capability] = {}
    open_ended: dict[str, dict[str, Capability]] = {}
    for capability in registry.all():
        for method, address in legality.addresses(capability):
            if address == path:
                exact.setdefault(method, capability)
            stem, colon, name = address.partition("/:")
            if colon and path.startswith(f"{stem}/") and len(path) > len(stem) + 1:
                open_ended.setdefault(f"{stem}/:{name}", {}).setdefault(method, capability)
    if open_ended:
        address = max(open_ended, key=len)
        stem, _, name = address.partition("/:")
        value = path.removeprefix(f"{stem}/")
        return Place(open_ended[address], {} if value == f":{name}" else {name: value})
    return Place(exact) if exact else None
