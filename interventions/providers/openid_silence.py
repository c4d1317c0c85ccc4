"""The one thing that goes wrong with a provider from which nothing follows."""

from __future__ import annotations

from interventions.errors import InterventionError


class ProviderSilent(InterventionError):
    """The provider could not be asked, or what it said cannot be used. Nothing is known."""

    code = "service_unavailable"
    message = "The provider does not answer at the moment."
