"""System checks of audit trails: a key, a time, and the rules in the database."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from gateway import audit_keys
from gateway.audit_models import AuditEvent, AuditSeal, AuditTrail
from gateway.conf import NAME, conf
from gateway.interaction_api import audit

CREATE = "manage.py agentic_audit_key create makes one."
RULES = {
    AuditTrail: ("trail_empty", "trail_grows", "trail_kept"),
    AuditEvent: ("event_next", "event_fixed", "event_kept"),
    AuditSeal: ("seal_whole", "seal_fixed", "seal_kept"),
}


@register(Tags.security)
def trails(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Trails are signed with a key that only we know, and kept as long as agents are told."""
    found: list[CheckMessage] = []
    if not isinstance(conf().AUDIT, bool):
        found.append(Error(f"{NAME}['AUDIT'] must be True or False.", id="agentic.E170"))
    if type(conf().AUDIT_KEEP_DAYS) is not int or conf().AUDIT_KEEP_DAYS < audit.LEAST_KEEP_DAYS:
        text = f"{NAME}['AUDIT_KEEP_DAYS'] must be a whole number of at least {audit.LEAST_KEEP_DAYS}."
        found.append(Error(text, id="agentic.E171"))
    elif conf().AUDIT is True and conf().AGENT_SESSION_KEEP_DAYS < conf().AUDIT_KEEP_DAYS:
        text = f"{NAME}['AGENT_SESSION_KEEP_DAYS'] must not be shorter than AUDIT_KEEP_DAYS."
        hint = "A trail is found by the token of its session."
        found.append(Error(text, hint=hint, id="agentic.E176"))
    return found + (_keys() if conf().AUDIT is True else [])


def _keys() -> list[CheckMessage]:
    if not isinstance(conf().AUDIT_KEYS, str) or not conf().AUDIT_KEYS:
        text = f"{NAME}['AUDIT_KEYS'] must name the file with the keys that audit trails are signed with."
        return [Error(text, hint=CREATE, id="agentic.E172")]
    path = Path(conf().AUDIT_KEYS)
    if conf().DEMO and not path.exists():
        return []  # the demo makes its own when it starts
    try:
        audit_keys.ring()
        others = audit_keys.readable_by(path)
    except (audit_keys.Unusable, OSError) as problem:
        return [Error(f"{NAME}['AUDIT_KEYS']: {problem}", hint=CREATE, id="agentic.E173")]
    if others & audit_keys.OTHERS:
        text = f"{NAME}['AUDIT_KEYS']: everybody on this machine can use the file. chmod 600 makes it yours."
        return [Error(text, id="agentic.E174")]
    if others:
        text = f"{NAME}['AUDIT_KEYS']: the group of the file can use it too. chmod 600 makes it yours."
        return [Warning(text, id="agentic.W170")]
    return []


@register(Tags.database)
def rules(app_configs: Any, databases: Iterable[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The database refuses to change what was audited (AJ-106), once there are tables for it."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            if AuditTrail._meta.db_table not in tables:
                continue
            cursor.execute(_NAMES[connection.vendor])
            armed = {name for (name,) in cursor.fetchall()}
        wanted = {f"agentic_audit_{rule}" for names in RULES.values() for rule in names}
        if missing := sorted(wanted - armed):
            text = f"Database '{alias}' lacks rules of audit trails: {', '.join(missing)}."
            hint = "manage.py migrate agentic_gateway makes them in its append_only_audit migration."
            found.append(Error(text, hint=hint, id="agentic.E175"))
    return found


_NAMES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
}
