"""The merchant's stock behind the gateway's port: one row for each product is locked, in one order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import F

from checkout.ports import Held, Short, Wanted
from tests.mounting.merchant.store.models import Reservation, Stock


class Warehouse:
    """Implements `checkout.ports.Inventory`."""

    def hold(self, key: str, wanted: Sequence[Wanted], *, until: datetime) -> Held | Short:
        pieces: Counter[str] = Counter()
        for piece in wanted:
            pieces[piece.product_id] += piece.quantity
        with transaction.atomic():
            rows = (
                Stock.objects.select_for_update(of=("self",))
                .select_related("product")
                .filter(product__number__in=pieces)
                .order_by("pk")
            )
            stocks = {row.product.number: row for row in rows}
            if Reservation.objects.filter(key=key).exclude(state="returned").exists():
                return Held()
            short = tuple(
                number
                for number, count in sorted(pieces.items())
                if number not in stocks or stocks[number].free < count
            )
            if short:
                return Short(short)
            Reservation.objects.filter(key=key).delete()
            for number, stock in stocks.items():
                Stock.objects.filter(pk=stock.pk).update(free=F("free") - pieces[number])
                Reservation.objects.create(key=key, stock=stock, pieces=pieces[number], until=until)
        return Held()

    def commit(self, key: str) -> None:
        Reservation.objects.filter(key=key, state="open").update(state="sold")

    def release(self, key: str) -> None:
        with transaction.atomic():
            for row in Reservation.objects.filter(key=key, state="open").order_by("stock_id"):
                self._give_back(row)

    def release_overdue(self, now: datetime, *, spare: Sequence[str] = ()) -> int:
        with transaction.atomic():
            overdue = Reservation.objects.filter(state="open", until__lte=now).exclude(key__in=spare)
            return sum(self._give_back(row) for row in overdue.order_by("stock_id"))

    def _give_back(self, row: Reservation) -> int:
        """Whoever moves the reservation gives its pieces back; 1 when that was here."""
        moved = Reservation.objects.filter(pk=row.pk, state="open").update(state="returned")
        if moved:
            Stock.objects.filter(pk=row.stock_id).update(free=F("free") + row.pieces)
        return moved
