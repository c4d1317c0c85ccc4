"""Where the person's browser may be sent when a call has ended (AA-074 to AA-076; T29).

An agent, or whoever sends the person in its place, names the address, and anybody can write one into a
link. So only what the agent's provider has published for all its agents is followed.
"""

from __future__ import annotations

from gateway import agents
from gateway.aauth import issuers
from gateway.conf import conf
from interventions.weblinks import WebLink, parse

LOOPBACK = frozenset({"localhost", "127.0.0.1"})
"""As AA-076 has it; a page's policy has no form for the others."""


def judged(owner: str, callback: str) -> str:
    """`callback`, if it is the registered one of the owner's provider, with any query, or a program on the
    person's own machine where the provider says that its agents are such; else "". Asks nobody."""
    agent = agents.of_owner(owner) if callback else None
    if agent is None or not agent.active or not agent.issuer:
        return ""
    wanted = _read(callback)
    if wanted is None:
        return ""
    try:
        said = issuers.known_metadata(agent.issuer, issuers.AGENT)
    except issuers.NoKey:
        return ""
    own = wanted.host in LOOPBACK
    if wanted.scheme == "http" and own and said.get("localhost_callback_allowed") is True:
        return callback
    registered = _read(said.get("callback_endpoint"))
    if registered is None or (wanted.origin, _path(wanted)) != (registered.origin, _path(registered)):
        return ""
    # A demo's provider is a server on this machine.
    return callback if wanted.scheme == "https" or (own and conf().DEMO) else ""


def origin(callback: str) -> str:
    """Of a callback that was judged before; "" for none."""
    link = _read(callback)
    return link.origin if link else ""


def _read(text: object) -> WebLink | None:
    try:
        return parse(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _path(link: WebLink) -> str:
    return link.target.partition("?")[0]
