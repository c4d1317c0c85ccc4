from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_interventions", "0011_consent_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="reachchannel",
            name="proof",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="Keyed hash of what a device has to bring back; empty when nothing was sent to it.",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="reachchannel",
            name="proof_until",
            field=models.DateTimeField(blank=True, help_text="It can be brought back until then.", null=True),
        ),
    ]
