import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_checkout", "0007_reconciliation"),
    ]

    operations = [
        migrations.AddField(
            model_name="sandboxcharge",
            name="card_digest",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Keyed hash of the card number, of a card from the sandbox vault.",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="sandboxcharge",
            name="decline_code",
            field=models.CharField(blank=True, db_default="", default="", max_length=32),
        ),
        migrations.CreateModel(
            name="SandboxAuthentication",
            fields=[
                ("id", models.CharField(editable=False, max_length=40, primary_key=True, serialize=False)),
                ("owner", models.CharField(max_length=255)),
                (
                    "key",
                    models.CharField(
                        help_text="The idempotency key it was given.", max_length=64, unique=True
                    ),
                ),
                ("session", models.CharField(blank=True, max_length=255)),
                ("amount", models.BigIntegerField(help_text="Minor units.")),
                ("currency", models.CharField(max_length=3)),
                ("card_digest", models.CharField(help_text="Keyed hash of the card number.", max_length=64)),
                ("behaviour", models.CharField(help_text="What the card's issuer does.", max_length=16)),
                (
                    "challenge",
                    models.CharField(blank=True, help_text="The bank's id of what it asks.", max_length=64),
                ),
                ("state", models.CharField(max_length=24)),
                (
                    "has_channel",
                    models.BooleanField(default=False, help_text="It was said where the holder is."),
                ),
                ("return_url", models.CharField(blank=True, max_length=2048)),
                ("server_id", models.UUIDField(help_text="Our own id of the run, as 3-D Secure has it.")),
                ("acs_id", models.UUIDField(help_text="The issuer's.")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "db_table": "agentic_checkout_sandbox_authentication",
                "ordering": ("-created_at",),
                "indexes": [models.Index(fields=["expires_at"], name="agentic_sandbox_das_old")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gte", 0)), name="agentic_sandbox_das_amount"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SandboxToken",
            fields=[
                (
                    "key",
                    models.CharField(
                        help_text="The idempotency key it was given.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "token_digest",
                    models.CharField(help_text="Keyed hash of the token.", max_length=64, unique=True),
                ),
                ("card_digest", models.CharField(help_text="Keyed hash of the card number.", max_length=64)),
                ("brand", models.CharField(max_length=16)),
                ("last4", models.CharField(max_length=4)),
                ("stands_for", models.CharField(help_text="How the card behaves.", max_length=64)),
                ("max_amount", models.BigIntegerField(help_text="Minor units.")),
                ("currency", models.CharField(max_length=3)),
                (
                    "session_digest",
                    models.CharField(
                        help_text="Keyed hash of the session it is for, which is whatever an agent wrote.",
                        max_length=64,
                    ),
                ),
                ("merchant_digest", models.CharField(help_text="The same of the merchant.", max_length=64)),
                ("expires_at", models.DateTimeField()),
                (
                    "used_by",
                    models.CharField(blank=True, help_text="The one attempt it was used for.", max_length=64),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "agentic_checkout_sandbox_token",
                "ordering": ("-created_at",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("max_amount__gte", 0)), name="agentic_sandbox_token_amount"
                    )
                ],
            },
        ),
    ]
