import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_gateway", "0003_webhook_endpoints"),
    ]

    operations = [
        migrations.CreateModel(
            name="PaymentEvent",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("provider", models.CharField(help_text="The part that verified it.", max_length=255)),
                (
                    "event",
                    models.CharField(
                        help_text="The provider's own id of it.", max_length=255, verbose_name="event id"
                    ),
                ),
                (
                    "type",
                    models.CharField(blank=True, help_text="What the provider calls it.", max_length=64),
                ),
                ("about", models.CharField(max_length=16)),
                ("attempt", models.CharField(blank=True, max_length=64, verbose_name="payment")),
                (
                    "stray",
                    models.CharField(
                        blank=True, help_text="Why the part says it is not for us.", max_length=200
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("received", "received"),
                            ("processed", "processed"),
                            ("quarantined", "quarantined"),
                        ],
                        default="received",
                        max_length=11,
                    ),
                ),
                (
                    "reason",
                    models.CharField(blank=True, help_text="Why it is in quarantine.", max_length=200),
                ),
                ("processed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "payment event",
                "db_table": "agentic_payment_event",
                "ordering": ("-created_at",),
                "indexes": [
                    models.Index(fields=["-created_at"], name="agentic_pay_event_newest"),
                    models.Index(fields=["attempt"], name="agentic_pay_event_attempt"),
                    models.Index(
                        condition=models.Q(("state", "quarantined")),
                        fields=["-created_at"],
                        name="agentic_pay_event_stray",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("provider", "event"), name="agentic_pay_event_once")
                ],
            },
        ),
    ]
