"""`{% agents_link %}`: a page's link to what agents can do here, for its head (AJ-028)."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from gateway.interaction_api import manifest, registry

register = template.Library()


@register.simple_tag
def agents_link() -> SafeString:
    """The link, or nothing while the Interaction API is switched off."""
    if not registry.is_on():
        return SafeString("")
    return format_html('<link rel="agents" type="application/json" href="{}">', manifest.JSON_PATH)
