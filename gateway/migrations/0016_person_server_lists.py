from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_gateway", "0015_app_events"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="agentbinding",
            index=models.Index(fields=["-established_at"], name="agentic_binding_newest"),
        ),
        migrations.AddIndex(
            model_name="agentbinding",
            index=models.Index(
                condition=models.Q(("revoked_at__isnull", False)),
                fields=["-established_at"],
                name="agentic_binding_revoked",
            ),
        ),
        migrations.AddIndex(
            model_name="grant",
            index=models.Index(fields=["state", "-created_at"], name="agentic_grant_state"),
        ),
        migrations.AddIndex(
            model_name="issuedtoken",
            index=models.Index(fields=["-issued_at"], name="agentic_issued_newest"),
        ),
        migrations.AddIndex(
            model_name="summons",
            index=models.Index(fields=["state", "-created_at"], name="agentic_summons_state"),
        ),
    ]
