from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_interventions", "0012_proof_of_devices"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="reachchannel",
            index=models.Index(fields=["-created_at"], name="agentic_rch_newest"),
        ),
        migrations.AddIndex(
            model_name="reachchannel",
            index=models.Index(fields=["kind", "-created_at"], name="agentic_rch_kind"),
        ),
    ]
