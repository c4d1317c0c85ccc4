"""System checks of how people are reached by push messages and in the merchant's app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register

from gateway import push_key, reach_parts, secret_files
from gateway.conf import DEMO_SECRET, NAME, conf
from interventions.channels import web_push

CREATE = "manage.py agentic_push_key create makes one."
KEY = f"{NAME}['REACH_PUSH_KEY']"


@register(Tags.security)
def push(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """What is needed to send push messages is there, once they are wanted."""
    if not conf().REACH_PUSH_KEY:
        return []
    if not web_push.installed():
        text = f"{KEY} is set, and nobody gets a push message: the libraries for it are missing."
        hint = "pip install 'agentic-checkout-gateway[push]'"
        return [Warning(text, hint=hint, id="agentic.W270")]
    found: list[CheckMessage] = []
    if not reach_parts.contact():
        text = f"{NAME}['REACH_PUSH_CONTACT'] must be mailto:... or https://...: push services ask for it."
        found.append(Error(text, id="agentic.E272"))
    path = Path(conf().REACH_PUSH_KEY)
    if conf().DEMO and not path.exists():
        return found  # the demo makes its own when it starts
    try:
        push_key.key()
        if secret_files.readable_by(path):
            text = f"{KEY}: others than its owner can use the file. chmod 600 makes it yours."
            found.append(Error(text, id="agentic.E271"))
    except (push_key.Unusable, OSError) as problem:
        found.append(Error(f"{KEY}: {problem}", hint=CREATE, id="agentic.E270"))
    return found


@register(Tags.security)
def app(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """The merchant's server can be told, and nobody else knows how."""
    if problem := reach_parts.app_problem():
        return [Error(f"{NAME}['REACH_WEBHOOK'] {problem}", id="agentic.E273")]
    if conf().REACH_WEBHOOK and not conf().DEMO and conf().REACH_WEBHOOK["secret"].startswith(DEMO_SECRET):
        text = f"{NAME}['REACH_WEBHOOK'] has the demo's secret, which everybody knows."
        return [Error(text, id="agentic.E274")]
    return []
