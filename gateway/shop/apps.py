from django.apps import AppConfig


class ShopConfig(AppConfig):
    """The built-in store: one implementation of every merchant port."""

    name = "gateway.shop"
    label = "agentic_shop"
    verbose_name = "Agentic shop"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gateway.shop import tables

        tables.watch()
