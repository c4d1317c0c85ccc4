"""The merchant's goods, warehouse, sales and bank account. Amounts are cents, and net."""

from __future__ import annotations

from django.db import models


class Product(models.Model):
    number = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    description = models.TextField(blank=True)
    cents = models.PositiveIntegerField()
    group = models.CharField(max_length=40)
    vat = models.CharField(max_length=8, default="full")
    download = models.BooleanField(default=False)
    listed = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.number


class Stock(models.Model):
    product = models.OneToOneField(Product, on_delete=models.CASCADE)
    free = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.free} x {self.product_id}"


class Reservation(models.Model):
    """Pieces that are not free any more: `open`, then `sold` or `returned`."""

    key = models.CharField(max_length=80)
    stock = models.ForeignKey(Stock, on_delete=models.PROTECT)
    pieces = models.PositiveIntegerField()
    state = models.CharField(max_length=8, default="open")
    until = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("key", "stock"), name="reserved_once"),)

    def __str__(self) -> str:
        return f"{self.key}: {self.state}"


class SalesOrder(models.Model):
    """What the merchant's people pick, pack and invoice."""

    agentic_order = models.CharField(max_length=80, unique=True)
    email = models.CharField(max_length=254, blank=True)
    city = models.CharField(max_length=100, blank=True)
    cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    notes = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"KK-{self.pk:06}"


class SalesOrderLine(models.Model):
    order = models.ForeignKey(SalesOrder, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    pieces = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.pieces} x {self.product_id}"


class Transfer(models.Model):
    """What the bank did for one payment."""

    attempt = models.CharField(max_length=80, unique=True)
    session = models.CharField(max_length=80)
    cents = models.PositiveIntegerField()
    state = models.CharField(max_length=8)

    def __str__(self) -> str:
        return f"{self.attempt}: {self.state}"


class Return(models.Model):
    """Money that the bank sent back."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="returns")
    key = models.CharField(max_length=80, unique=True)
    cents = models.PositiveIntegerField()

    def __str__(self) -> str:
        return self.key
