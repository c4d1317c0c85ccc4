from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_checkout", "0004_brought_by_agents"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="event_at",
            field=models.DateTimeField(
                blank=True, help_text="The last of them; empty while there was none but the first.", null=True
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="sequence",
            field=models.PositiveIntegerField(default=1, help_text="How many events its agent was to hear."),
        ),
    ]
