import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_checkout", "0005_order_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Adjustment",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                (
                    "key",
                    models.CharField(help_text="The caller's: the same one is this change.", max_length=128),
                ),
                ("type", models.CharField(max_length=32)),
                ("status", models.CharField(max_length=32)),
                (
                    "amount",
                    models.BigIntegerField(
                        blank=True, help_text="Minor units to the buyer, with tax.", null=True
                    ),
                ),
                ("currency", models.CharField(max_length=3)),
                (
                    "lines",
                    models.JSONField(default=list, help_text="Line id and quantity of what it concerns."),
                ),
                ("description", models.CharField(blank=True, max_length=500)),
                ("reason", models.CharField(blank=True, max_length=64)),
                ("actor", models.CharField(max_length=255)),
                ("occurred_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "agentic_checkout_adjustment",
                "ordering": ("occurred_at", "recorded_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="OrderLine",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line", models.CharField(help_text="The line's id in the order's quote.", max_length=64)),
                ("ordered", models.PositiveIntegerField()),
                ("current", models.PositiveIntegerField()),
                (
                    "packed",
                    models.PositiveIntegerField(
                        default=0, help_text="In a delivery, whether it has left or not."
                    ),
                ),
                (
                    "fulfilled",
                    models.PositiveIntegerField(default=0, help_text="Sent, handed over or delivered."),
                ),
            ],
            options={
                "verbose_name": "order line",
                "db_table": "agentic_checkout_order_line",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                (
                    "key",
                    models.CharField(help_text="The caller's: the same one is this refund.", max_length=128),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("pending", "Pending"),
                            ("completed", "Completed"),
                            ("failed", "Failed"),
                        ],
                        default="requested",
                        max_length=9,
                    ),
                ),
                ("amount", models.BigIntegerField(help_text="Minor units, never changed.")),
                ("currency", models.CharField(max_length=3)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("actor", models.CharField(help_text="Who wanted it.", max_length=255)),
                (
                    "reference",
                    models.CharField(blank=True, help_text="The provider's own id.", max_length=255),
                ),
                (
                    "failure",
                    models.CharField(
                        blank=True, help_text="Why it failed, in the provider's code.", max_length=64
                    ),
                ),
                (
                    "asked",
                    models.PositiveIntegerField(default=0, help_text="How often the provider was asked."),
                ),
                ("ask_at", models.DateTimeField(help_text="When it is asked, if nobody did before.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "agentic_checkout_refund",
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="Shipment",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                (
                    "key",
                    models.CharField(
                        help_text="The caller's: the same one is this delivery.", max_length=128
                    ),
                ),
                ("type", models.CharField(max_length=8)),
                ("status", models.CharField(default="pending", max_length=32)),
                (
                    "pieces",
                    models.CharField(
                        choices=[("packed", "Packed"), ("left", "Left"), ("back", "Back")],
                        default="packed",
                        max_length=6,
                    ),
                ),
                ("lines", models.JSONField(help_text="Line id and quantity of what is in it.")),
                ("carrier", models.CharField(blank=True, max_length=100)),
                ("tracking_number", models.CharField(blank=True, max_length=100)),
                ("tracking_url", models.CharField(blank=True, max_length=2048)),
                ("destination", models.JSONField(blank=True, null=True)),
                ("earliest_at", models.DateTimeField(blank=True, null=True)),
                ("latest_at", models.DateTimeField(blank=True, null=True)),
                (
                    "access",
                    models.JSONField(
                        blank=True, help_text="How to get it over the network: the buyer's.", null=True
                    ),
                ),
                ("description", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "agentic_checkout_shipment",
                "ordering": ("created_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="ShipmentEvent",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=128)),
                ("type", models.CharField(max_length=32)),
                (
                    "status",
                    models.CharField(
                        blank=True, help_text="How the delivery stood after it, if new.", max_length=32
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("description", models.CharField(blank=True, max_length=500)),
                ("location", models.CharField(blank=True, max_length=200)),
                ("actor", models.CharField(max_length=255)),
                ("recorded_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "shipment event",
                "db_table": "agentic_checkout_shipment_event",
                "ordering": ("occurred_at", "recorded_at", "id"),
            },
        ),
        migrations.AddField(
            model_name="order",
            name="attention",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Why an operator must look at it; empty when nobody must.",
                max_length=32,
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="refunded",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="Minor units that went back or are to go: every refund that has not failed.",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("attention", ""), _negated=True),
                fields=["attention"],
                name="agentic_order_attention",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded__gte", 0), ("refunded__lte", models.F("amount"))),
                name="agentic_payment_refunded",
            ),
        ),
        migrations.AddField(
            model_name="adjustment",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="adjustments",
                to="agentic_checkout.order",
            ),
        ),
        migrations.AddField(
            model_name="orderline",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="agentic_checkout.order"
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="adjustment",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refund",
                to="agentic_checkout.adjustment",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="payment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="agentic_checkout.payment",
            ),
        ),
        migrations.AddField(
            model_name="shipment",
            name="order",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="shipments",
                to="agentic_checkout.order",
            ),
        ),
        migrations.AddField(
            model_name="shipmentevent",
            name="shipment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="events",
                to="agentic_checkout.shipment",
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.UniqueConstraint(
                fields=("order", "type", "key"), name="agentic_adjustment_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="adjustment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount", None),
                    models.Q(("amount__gte", 0), ("amount__lte", 1000000000000)),
                    _connector="OR",
                ),
                name="agentic_adjustment_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.UniqueConstraint(fields=("order", "line"), name="agentic_order_line_once"),
        ),
        migrations.AddConstraint(
            model_name="orderline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("current__lte", models.F("ordered")),
                    ("fulfilled__gte", 0),
                    ("fulfilled__lte", models.F("packed")),
                    ("ordered__gte", 1),
                    ("packed__lte", models.F("current")),
                ),
                name="agentic_order_line_pieces",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("state__in", ("requested", "pending"))),
                fields=["ask_at"],
                name="agentic_refund_due",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["-created_at"], name="agentic_refund_newest"),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["reference"], name="agentic_refund_reference"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(fields=("payment", "key"), name="agentic_refund_once"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="agentic_refund_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["requested", "pending", "completed", "failed"])),
                name="agentic_refund_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="shipment",
            constraint=models.UniqueConstraint(fields=("order", "key"), name="agentic_shipment_once"),
        ),
        migrations.AddConstraint(
            model_name="shipment",
            constraint=models.CheckConstraint(
                condition=models.Q(("type__in", ("shipping", "pickup", "digital"))),
                name="agentic_shipment_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="shipment",
            constraint=models.CheckConstraint(
                condition=models.Q(("pieces__in", ("packed", "left", "back"))), name="agentic_shipment_pieces"
            ),
        ),
        migrations.AddConstraint(
            model_name="shipmentevent",
            constraint=models.UniqueConstraint(
                fields=("shipment", "key"), name="agentic_shipment_event_once"
            ),
        ),
    ]
