"""`{% say "text" name=value %}`: a text of ours in the language of the page.

The text is English and in the source, so that `make texts` finds it. Values are escaped; markup goes
around the tag, or around a value with `|strong`.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag(takes_context=True)
def say(context: template.Context, text: str, **values: Any) -> SafeString:
    """The text in the page's language, with its values."""
    told: str = conditional_escape(context["words"](text))
    if values:
        told = told % {name: conditional_escape(value) for name, value in values.items()}
    return mark_safe(told)  # noqa: S308  (text and values were escaped one by one)


@register.filter
def strong(value: object) -> SafeString:
    """The value, to be noticed first."""
    return format_html("<strong>{}</strong>", value)
