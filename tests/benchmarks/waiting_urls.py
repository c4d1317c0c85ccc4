"""The project's URLs, in a process that believes who says to have signed."""

from __future__ import annotations

from gateway.project.urls import urlpatterns
from tests.aauth.waiting.played import believe

__all__ = ["urlpatterns"]

believe()
