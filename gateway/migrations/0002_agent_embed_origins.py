from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("agentic_gateway", "0001_gateway"),
    ]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="embed_origins",
            field=models.TextField(
                blank=True,
                help_text="Origins that may show our page in a frame, one on each line, such as https://chat.example. Empty: nobody may.",
                max_length=2000,
                verbose_name="pages that embed ours",
            ),
        ),
    ]
