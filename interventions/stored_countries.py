"""Countries as operators write them, and as they are kept."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from interventions import countries


def stored_countries(said: str) -> str:
    """Codes of countries as they are kept. Raises ValidationError."""
    try:
        return ", ".join(countries.listed(said))
    except ValueError as unknown:
        text = f"{str(unknown)[:20]} is no two-letter code of a country (ISO 3166-1), such as US or GB."
        raise ValidationError({"countries": text}) from None
