"""Whose word about people counts here (AA-412, AA-413).

Ours, for people with an account here. Another person server is believed when the settings pin it
(`AAUTH_ISSUERS`), and nobody is asked for the keys of one that they do not: its name comes from whoever sends
a request. None but ours has accounts here, so that the people of another are told so, and no more.
"""

from __future__ import annotations

from gateway.aauth import issuers, tokens
from gateway.aauth.person_server import parameters
from gateway.aauth.signature_problem import SignatureProblem
from gateway.aauth.tokens import Token
from gateway.conf import conf


def is_ours(issuer: str) -> bool:
    """We are that person server."""
    return issuer == conf().PUBLIC_URL


def is_believed(issuer: str) -> bool:
    """It is ours, or pinned in the settings."""
    return is_ours(issuer) or issuer in conf().AAUTH_ISSUERS


def verify(token: Token) -> None:
    """A person server that we believe issued it, on its own word. Raises SignatureProblem. No transaction may
    be open."""
    if not is_believed(token.issuer):
        raise SignatureProblem("invalid_jwt", "Tokens of that person server are not accepted here.")
    if token.document != issuers.PERSON:
        raise SignatureProblem("invalid_jwt", "No access server decides for this shop.")
    silent = token.older and "ps" not in token.claims
    if token.typ == tokens.AUTH and token.person_server != token.issuer and not silent:
        raise SignatureProblem("invalid_jwt", "iss and ps are not the same person server.")
    parameters.verify(token)
