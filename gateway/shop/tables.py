"""The tables every price needs, read at most every few seconds: delivery, taxes, currencies.

What an operator changes is in force within `SECONDS` in every process, and at once in the one
that changed it. Products are never kept: their price and stock are read on each request.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.db.models import Count, Model
from django.db.models.signals import post_delete, post_save

from gateway.shop.models import DeliveryOption, PickupPlace, Product, TaxRate

SECONDS = 5.0

T = TypeVar("T")


class Kept(Generic[T]):
    """What `read` answered, for at most SECONDS. Threads may read twice; none waits."""

    def __init__(self, read: Callable[[], T], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._kept: tuple[float, T] | None = None

    def __call__(self) -> T:
        kept, now = self._kept, self._clock()
        if kept is None or not 0 <= now - kept[0] < SECONDS:
            kept = self._kept = (now, self._read())
        return kept[1]

    def forget(self) -> None:
        self._kept = None


def _currencies() -> tuple[str, ...]:
    counted = Product.objects.filter(active=True).values("currency").annotate(products=Count("pk"))
    return tuple(counted.order_by("-products", "currency").values_list("currency", flat=True))


delivery_options: Kept[tuple[DeliveryOption, ...]] = Kept(
    lambda: tuple(
        DeliveryOption.objects.filter(active=True).select_related("place").order_by("position", "id")
    )
)
tax_rates: Kept[tuple[TaxRate, ...]] = Kept(lambda: tuple(TaxRate.objects.order_by("pk")))
currencies: Kept[tuple[str, ...]] = Kept(_currencies)
"""Lower-case codes of what is for sale, the most used first."""

_OF: dict[type[Model], Kept[Any]] = {
    DeliveryOption: delivery_options,
    PickupPlace: delivery_options,
    TaxRate: tax_rates,
    Product: currencies,
}


def forget() -> None:
    """The next price reads every table again. For whoever writes past the models, and for tests."""
    for kept in _OF.values():
        kept.forget()


def watch() -> None:
    """A row saved or deleted in this process is seen by the next price. Called at start-up."""
    for model in _OF:
        for signal in (post_save, post_delete):
            signal.connect(_changed, sender=model)


def _changed(*, sender: type[Model], **_: Any) -> None:
    _OF[sender].forget()
