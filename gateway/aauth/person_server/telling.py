"""Resources learn that a token of ours does not count any more, where they want to (AA-416)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from gateway.aauth import issuers, signatures
from gateway.aauth.person_server import keys
from gateway.conf import conf
from gateway.egress import egress
from gateway.person_models import IssuedToken
from interventions import weblinks

UNAVAILABLE = 500


class NotTold(Exception):
    """The resource did not answer, and may later."""


def tell(payload: dict[str, Any]) -> None:
    """The resource that the token is for was told, if it can be; not needed once the token has expired.

    Repeatable: it answers the same each time. Raises NotTold, and what cannot be helped here, such as
    interventions.http.NoReply: then it is tried again. No transaction may be open.
    """
    row = IssuedToken.objects.filter(pk=payload["jti"], expires_at__gt=timezone.now()).first()
    if row is None or row.audience == conf().PUBLIC_URL:
        return
    url = issuers.metadata(row.audience, issuers.RESOURCE).get("revocation_endpoint", "")
    if not _is_endpoint(url):
        return
    body = json.dumps({"jti": row.pk, "exp": int(row.expires_at.timestamp())}).encode()
    place = urlsplit(url)
    headers = {"content-type": "application/json"}
    message = signatures.Message(
        method="POST", authority=place.netloc, path=place.path or "/", headers=headers, body=body
    )
    ring = keys.ring()
    by = signatures.by_jwks_uri(conf().PUBLIC_URL, issuers.PERSON, ring.current.id)
    signed = signatures.sign(message, ring.signer, signature_key=by)
    reply = egress().request("POST", issuers.transport(url), headers={**headers, **signed}, body=body)
    if reply.status >= UNAVAILABLE:
        raise NotTold


def _is_endpoint(url: Any) -> bool:
    """https, with no query and no fragment (AA-415)."""
    try:
        link = weblinks.parse(url) if isinstance(url, str) else None
    except ValueError:
        return False
    return link is not None and url.startswith("https://") and not {"?", "#"} & set(url)
