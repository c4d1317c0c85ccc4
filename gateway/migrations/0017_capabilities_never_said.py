from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_gateway", "0016_person_server_lists"),
    ]

    operations = [
        migrations.AlterField(
            model_name="agentbinding",
            name="capabilities",
            field=models.JSONField(
                blank=True,
                help_text="What it said it can do when it last asked; null when it has never said, [] for nothing.",
                null=True,
            ),
        ),
    ]
