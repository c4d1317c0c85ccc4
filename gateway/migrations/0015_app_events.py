import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_gateway", "0014_summons_secrets"),
    ]

    operations = [
        migrations.CreateModel(
            name="AppEvent",
            fields=[
                ("event", models.CharField(max_length=255, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now, editable=False),
                ),
            ],
            options={
                "db_table": "agentic_app_event",
            },
        ),
    ]
