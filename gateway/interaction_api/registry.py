"""The capabilities of this site: the built-in ones and the merchant's own, in the order of the documents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db import transaction

from gateway.conf import conf
from gateway.interaction_api.capabilities import Call, Capability, Param, Seal, always

Act = TypeVar("Act", bound=Callable[[Call], Any])

_own: list[Capability] = []
"""The merchant's, as they came; what is wrong with one is said by a system check."""


def base() -> str:
    """Where all of it is, below the origin, such as /.well-known/agents/api."""
    return conf().INTERACTION_BASE.rstrip("/")


def is_on() -> bool:
    return conf().INTERACTION_API


def all() -> list[Capability]:
    """What agents can do now. Empty when the API is switched off."""
    from gateway.interaction_api import legality

    if not is_on():
        return []
    return [*(entry for entry in builtin() if entry.enabled()), *legality.legal(builtin(), _own)]


def builtin() -> tuple[Capability, ...]:
    from gateway.interaction_api.builtin import CAPABILITIES

    return CAPABILITIES


def by_name(name: str) -> Capability | None:
    return next((entry for entry in all() if entry.name == name), None)


def own() -> tuple[Capability, ...]:
    """What the merchant registered, legal or not."""
    return tuple(_own)


def register(entry: Capability) -> None:
    """Agents can do this from now on. Called while Django starts, once for each."""
    _own.append(entry)


def unregister(name: str) -> None:
    """None of the merchant's capabilities has that name any more. For tests."""
    _own[:] = [entry for entry in _own if entry.name != name]


def capability(
    name: str,
    *,
    method: str = "GET",
    path: str = "",
    description: str = "",
    params: Mapping[str, Param] | None = None,
    requires_session: bool = False,
    human_handoff: bool = False,
    status: int = 200,
    atomic: bool = True,
    enabled: Callable[[], bool] = always,
) -> Callable[[Act], Act]:
    """Decorator: agents can call the function under `name`. It takes the Call and returns the data.

    It runs in one transaction with its idempotency row and its audit event. With `atomic=False` there
    is none around it, so that it may call other systems; those two are then written after it.
    """

    def keep(act: Act) -> Act:
        register(
            Capability(
                name=name,
                method=method,
                path=path or "/" + name.replace(".", "/"),
                handler=_closing(act, atomic=atomic),
                description=description or _first_line(act),
                params=dict(params or {}),
                requires_session=requires_session,
                human_handoff=human_handoff,
                status=status,
                enabled=enabled,
            )
        )
        return act

    return keep


def _closing(act: Callable[[Call], Any], *, atomic: bool) -> Callable[[Call, Seal], None]:
    def handle(call: Call, seal: Seal) -> None:
        if not atomic:
            seal(act(call))
            return
        with transaction.atomic(durable=True):
            seal(act(call))

    return handle


def _first_line(act: Callable[..., Any]) -> str:
    return (act.__doc__ or "").strip().partition("\n")[0]
