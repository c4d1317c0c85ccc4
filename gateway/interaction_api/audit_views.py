"""Where an artifact is fetched, and the keys that it can be verified with (AJ-099, AJ-103, AJ-108)."""

from __future__ import annotations

from dataclasses import asdict

from django.http import HttpResponse
from rest_framework.request import Request

from gateway import keys
from gateway.audit_keys import Unusable
from gateway.errors import Unavailable, UnknownPath
from gateway.interaction_api import audit, rates, sessions
from gateway.interaction_api.refusals import Refused
from gateway.interaction_api.views import InteractionView, answered

NONE = "There is no audit trail of such a session."
OPEN = "The session is still open. Its audit trail is sealed when it ends."
ANOTHER = "The session token that was sent is another than the one in the address."


class Artifact(InteractionView):
    """The sealed trail of the session whose token is in the address; whoever has it may read (AJ-108)."""

    def get(self, request: Request, token: str) -> HttpResponse:
        plain = request._request
        if not audit.enabled():
            raise Refused(NONE, 404)
        sent = sessions.token_of(plain)
        if sent and not keys.same(sent, token):
            raise Refused(ANOTHER, 403)
        session = sessions.ever_by_token(token)
        if session is None:
            rates.missed(plain)
            raise Refused(NONE, 404)
        try:
            return answered(audit.document(session))
        except audit.NoTrail:
            raise Refused(NONE, 404) from None
        except audit.StillOpen:
            raise Refused(OPEN, 425) from None
        except Unusable:
            raise Unavailable from None


class Keys(InteractionView):
    """Every public key that trails were signed with, the newest first: what an older key signed stays
    verifiable."""

    def get(self, request: Request) -> HttpResponse:
        if not audit.enabled():
            raise UnknownPath
        return answered({"keys": [asdict(key) for key in audit.public_keys()]})
