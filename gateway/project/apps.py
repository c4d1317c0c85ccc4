from django.apps import AppConfig
from django.conf import settings


class ProjectConfig(AppConfig):
    """The runnable project itself: its root page, and its Celery application."""

    name = "gateway.project"
    label = "agentic_project"
    verbose_name = "Agentic gateway project"

    def ready(self) -> None:
        """Tasks of this process go to the project's broker, whichever command it runs."""
        if settings.REDIS_URL:
            from gateway.project import celery  # noqa: F401
