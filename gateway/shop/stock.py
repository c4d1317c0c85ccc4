"""Stock that cannot be sold twice: conditional UPDATEs, products always in the order of their ids.

The database decides who gets the last piece, on every database (reliability-security 4.1, T61).
All holds of one key move together, so the first conditional UPDATE of them decides who moves
the key; only that one touches the products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from checkout.ports import Held, Short, Wanted
from gateway.shop.models import Hold, HoldState, Product

BATCH = 500
"""Keys that one call of `release_overdue` releases at most."""


class ShopInventory:
    """Implements `ports.Inventory` and `ports.RestockingInventory`. One product costs two statements to
    hold or release, one to commit; a repeat costs no more."""

    def hold(self, key: str, wanted: Sequence[Wanted], *, until: datetime) -> Held | Short:
        """See the port. A key whose pieces were released may hold again. Raises ValueError for
        a quantity below one."""
        pieces = _pieces(wanted)
        for _ in range(2):
            found = self._try(key, pieces, until)
            if isinstance(found, Short):
                return found
            if found != {HoldState.RELEASED}:
                return Held()
            Hold.objects.filter(key=key, state=HoldState.RELEASED).delete()
        return Short(tuple(piece.product_id for piece in pieces))

    def commit(self, key: str) -> None:
        Hold.objects.filter(key=key, state=HoldState.HELD).update(state=HoldState.SOLD)

    def release(self, key: str) -> None:
        self._release(Hold.objects.filter(key=key, state=HoldState.HELD), key)

    def put_back(self, key: str, pieces: Sequence[Wanted]) -> None:
        """See the port. What was sold while nobody counted took nothing out, and puts nothing back."""
        sold = Hold.objects.filter(key=key, state=HoldState.SOLD, counted=True)
        counted = set(sold.values_list("product_id", flat=True))
        for piece in _pieces(pieces):
            if piece.product_id in counted:
                stock = F("available") + piece.quantity
                Product.objects.filter(pk=piece.product_id).update(available=stock)

    def release_overdue(self, now: datetime, *, spare: Sequence[str] = ()) -> int:
        """See the port. Each key in a transaction of its own, at most BATCH of them a call."""
        overdue = Hold.objects.filter(state=HoldState.HELD, until__lte=now)
        spared = set(spare)
        keys = overdue.order_by("key").values_list("key", flat=True).distinct()[: BATCH + len(spared)]
        released = 0
        for key in [key for key in keys if key not in spared][:BATCH]:
            with transaction.atomic():
                released += self._release(overdue.filter(key=key), key)
        return released

    def _try(self, key: str, pieces: Sequence[Wanted], until: datetime) -> Short | set[str]:
        """The states in which the key was found; empty when everything is held now, or Short."""
        try:
            with transaction.atomic():
                short = tuple(piece.product_id for piece in pieces if not _take(key, piece))
                if short:
                    raise _Shortage(short)
                Hold.objects.bulk_create(_hold(key, piece, until) for piece in pieces)
        except IntegrityError:
            # The same key a moment ago; what this call had taken is back.
            states = _states(key)
            if not states:
                raise
            return states
        except _Shortage as shortage:
            # No row moved: too few pieces, or the key is there already.
            return _states(key) or Short(shortage.product_ids)
        return set()

    @staticmethod
    def _release(held: QuerySet[Hold], key: str) -> int:
        """The held rows are released and their pieces back in stock; how many rows."""
        count = held.update(state=HoldState.RELEASED)
        # What was held while nobody counted took nothing out, so there is nothing to put back.
        ours = Hold.objects.filter(key=key, state=HoldState.RELEASED, counted=True)
        if count == 1:
            # The row is ours alone since the UPDATE above, so what is read inside cannot change.
            Product.objects.filter(pk__in=ours.values("product_id")).update(
                available=F("available") + Subquery(ours.values("quantity")[:1])
            )
        elif count:
            for product, quantity in sorted(ours.values_list("product_id", "quantity")):
                Product.objects.filter(pk=product).update(available=F("available") + quantity)
        return count


class _Shortage(Exception):
    """Undoes the savepoint, and with it what was taken before the shortage was found."""

    def __init__(self, product_ids: tuple[str, ...]) -> None:
        super().__init__(product_ids)
        self.product_ids = product_ids


def _pieces(wanted: Sequence[Wanted]) -> list[Wanted]:
    """One entry for each product, in the order in which everybody locks them."""
    counted: Counter[str] = Counter()
    for piece in wanted:
        if piece.quantity < 1:
            raise ValueError("A hold is for one piece or more.")
        counted[piece.product_id] += piece.quantity
    return [Wanted(product, quantity) for product, quantity in sorted(counted.items())]


def _take(key: str, piece: Wanted) -> bool:
    """The pieces are out of stock, unless there are too few or the key has been here."""
    enough = Q(available__gte=piece.quantity) | Q(available=None)
    unknown = ~Exists(Hold.objects.filter(key=key))
    rows = Product.objects.filter(unknown, enough, pk=piece.product_id, active=True)
    return bool(rows.update(available=F("available") - piece.quantity))


def _hold(key: str, piece: Wanted, until: datetime) -> Hold:
    """A row to insert after `_take`: the product is locked, so the database still knows there
    whether pieces were taken."""
    counted = Exists(Product.objects.filter(pk=piece.product_id, available__isnull=False))
    return Hold(key=key, product_id=piece.product_id, quantity=piece.quantity, until=until, counted=counted)


def _states(key: str) -> set[str]:
    return set(Hold.objects.filter(key=key).values_list("state", flat=True))


def adjust(product_id: str, change: int) -> bool:
    """`change` pieces were added to the stock, or taken away if it is negative.

    False, and nothing was changed, when fewer would be left than none. A product that was not
    counted is counted from now on. Not repeatable.
    """
    stock = Coalesce(F("available"), 0) + change
    rows = Product.objects.annotate(after=stock).filter(pk=product_id, after__gte=0)
    return bool(rows.update(available=stock))


def stop_counting(product_id: str) -> None:
    """The product is never short of stock."""
    Product.objects.filter(pk=product_id).update(available=None)
