from django.apps import AppConfig


class InterventionsConfig(AppConfig):
    name = "interventions"
    label = "agentic_interventions"
    verbose_name = "Agentic interventions"
    default_auto_field = "django.db.models.BigAutoField"
