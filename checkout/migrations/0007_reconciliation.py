import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_checkout", "0006_after_the_purchase"),
    ]

    operations = [
        migrations.CreateModel(
            name="Break",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("charged_without_attempt", "charged, and no attempt of ours"),
                            ("charged_twice", "charged twice"),
                            ("charged_without_order", "charged without an order"),
                            ("order_without_charge", "order without its money"),
                            ("amount_differs", "the amount differs"),
                            ("currency_differs", "the currency differs"),
                            ("capture_missing", "captured here, not there"),
                            ("captured_unknown_to_us", "captured there, not here"),
                            ("void_missing", "voided here, still held there"),
                            ("refund_differs", "the refunds differ"),
                            ("unknown_for_too_long", "unknown for too long"),
                            ("not_handed_over", "order unknown to the merchant"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "subject",
                    models.CharField(
                        help_text="What it is about: a payment, an order, or the provider's reference.",
                        max_length=255,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("healed", "Healed"),
                            ("gone", "Gone"),
                            ("closed", "Closed"),
                        ],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("payment", models.CharField(blank=True, max_length=40)),
                ("session", models.CharField(blank=True, max_length=40)),
                ("order", models.CharField(blank=True, max_length=40)),
                (
                    "reference",
                    models.CharField(blank=True, help_text="The provider's own id.", max_length=255),
                ),
                ("ours_state", models.CharField(blank=True, max_length=32, verbose_name="our state")),
                (
                    "ours_amount",
                    models.BigIntegerField(
                        blank=True, help_text="Minor units.", null=True, verbose_name="our amount"
                    ),
                ),
                ("ours_currency", models.CharField(blank=True, max_length=3, verbose_name="our currency")),
                (
                    "theirs_state",
                    models.CharField(blank=True, max_length=32, verbose_name="the provider's state"),
                ),
                (
                    "theirs_amount",
                    models.BigIntegerField(blank=True, null=True, verbose_name="the provider's amount"),
                ),
                (
                    "theirs_currency",
                    models.CharField(blank=True, max_length=8, verbose_name="the provider's currency"),
                ),
                (
                    "entered_at",
                    models.DateTimeField(
                        blank=True,
                        help_text="When the provider made the entry; where it is read again.",
                        null=True,
                    ),
                ),
                ("first_seen_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("last_seen_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("resolved_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("resolved_by", models.CharField(blank=True, max_length=255)),
                ("reason", models.CharField(blank=True, max_length=255)),
            ],
            options={
                "verbose_name": "reconciliation break",
                "db_table": "agentic_reconciliation_break",
                "ordering": ("first_seen_at",),
            },
        ),
        migrations.CreateModel(
            name="ReconciliationRun",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("origin", models.CharField(help_text="What began it: schedule or command.", max_length=16)),
                ("since", models.DateTimeField(verbose_name="from")),
                ("until", models.DateTimeField(help_text="Entries and payments made before then.")),
                ("heal", models.BooleanField(default=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("completed", "Completed"),
                            ("unreadable", "stopped: the provider's books could not be read"),
                        ],
                        default="running",
                        max_length=16,
                    ),
                ),
                (
                    "phase",
                    models.CharField(
                        choices=[
                            ("ledger", "the provider's books against ours"),
                            ("ours", "what is unknown, or was not handed over"),
                            ("again", "open breaks that this run did not meet"),
                            ("done", "Done"),
                        ],
                        default="ledger",
                        max_length=16,
                    ),
                ),
                ("cursor", models.DateTimeField(help_text="Entries made before then are compared.")),
                (
                    "cursor_skip",
                    models.PositiveIntegerField(
                        default=0, help_text="So many of those made exactly then are compared too."
                    ),
                ),
                ("ours_cursor", models.DateTimeField(help_text="Payments opened before then are compared.")),
                (
                    "mark",
                    models.CharField(
                        blank=True, help_text="The last row of the phase it is at.", max_length=64
                    ),
                ),
                ("counts", models.JSONField(default=dict)),
                ("error", models.CharField(blank=True, max_length=64)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "verbose_name": "reconciliation run",
                "db_table": "agentic_reconciliation_run",
                "ordering": ("-created_at",),
            },
        ),
        migrations.AddIndex(
            model_name="sandboxcharge",
            index=models.Index(fields=["created_at"], name="agentic_sandbox_ledger"),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(
                condition=models.Q(("state", "open")), fields=["first_seen_at"], name="agentic_break_oldest"
            ),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(fields=["state", "first_seen_at"], name="agentic_break_state"),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(fields=["kind", "first_seen_at"], name="agentic_break_kind"),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(fields=["kind", "subject"], name="agentic_break_subject"),
        ),
        migrations.AddIndex(
            model_name="break",
            index=models.Index(fields=["payment"], name="agentic_break_payment"),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")),
                fields=("kind", "subject"),
                name="agentic_break_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "healed", "gone", "closed"])),
                name="agentic_break_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="break",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("resolved_at", None), ("state", "open")),
                    models.Q(models.Q(("state", "open"), _negated=True), ("resolved_at__isnull", False)),
                    _connector="OR",
                ),
                name="agentic_break_resolved",
            ),
        ),
        migrations.AddIndex(
            model_name="reconciliationrun",
            index=models.Index(fields=["origin", "-created_at"], name="agentic_run_newest"),
        ),
        migrations.AddConstraint(
            model_name="reconciliationrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("origin", "schedule"), ("state", "running")),
                fields=("origin",),
                name="agentic_run_one_scheduled",
            ),
        ),
    ]
