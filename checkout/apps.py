from django.apps import AppConfig


class CheckoutConfig(AppConfig):
    name = "checkout"
    label = "agentic_checkout"
    verbose_name = "Agentic checkout"
    default_auto_field = "django.db.models.BigAutoField"
