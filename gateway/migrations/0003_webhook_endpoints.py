import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_gateway", "0002_agent_embed_origins"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookEndpoint",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("url", models.CharField(max_length=2000, verbose_name="address")),
                ("sealed_secret", models.CharField(editable=False, max_length=255)),
                ("sealed_older", models.CharField(blank=True, editable=False, max_length=255)),
                ("older_until", models.DateTimeField(blank=True, editable=False, null=True)),
                ("active", models.BooleanField(default=True)),
                ("disabled_because", models.CharField(blank=True, max_length=200)),
                (
                    "failures",
                    models.PositiveIntegerField(default=0, help_text="In a row; a success ends the row."),
                ),
                (
                    "open_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="After many failures in a row nothing is sent until then.",
                        null=True,
                    ),
                ),
                ("last_success_at", models.DateTimeField(blank=True, null=True)),
                ("last_failure_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("disabled_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhook_endpoints",
                        to="agentic_gateway.agent",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook endpoint",
                "db_table": "agentic_webhook_endpoint",
                "ordering": ("-created_at",),
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("event", models.CharField(help_text="The Request-Id of every try.", max_length=64)),
                ("type", models.CharField(max_length=32)),
                ("order", models.CharField(max_length=40)),
                (
                    "sequence",
                    models.PositiveIntegerField(help_text="Which event of its order this is, without gaps."),
                ),
                (
                    "previous_at",
                    models.DateTimeField(blank=True, help_text="When the one before it was.", null=True),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_try_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "lease_until",
                    models.DateTimeField(
                        blank=True, help_text="Somebody is sending it until then.", null=True
                    ),
                ),
                (
                    "status",
                    models.PositiveSmallIntegerField(
                        blank=True, help_text="The last answer's status.", null=True
                    ),
                ),
                ("error", models.CharField(blank=True, help_text="Kind of the last failure.", max_length=32)),
                ("delivered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "dead_at",
                    models.DateTimeField(
                        blank=True, help_text="Given up; an operator may replay it.", null=True
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="agentic_gateway.webhookendpoint",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
                "db_table": "agentic_webhook_delivery",
                "ordering": ("-created_at",),
            },
        ),
        migrations.AddIndex(
            model_name="webhookendpoint",
            index=models.Index(fields=["agent", "created_at"], name="agentic_endpoint_agent"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("dead_at", None), ("delivered_at", None)),
                fields=["next_try_at"],
                name="agentic_delivery_open",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", False)),
                fields=["-dead_at"],
                name="agentic_delivery_dead",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["-created_at"], name="agentic_delivery_newest"),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(fields=["order", "sequence"], name="agentic_delivery_order"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(
                fields=("endpoint", "order", "sequence"), name="agentic_delivery_once"
            ),
        ),
    ]
