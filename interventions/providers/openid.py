"""A person confirms at an OpenID Connect provider: a wallet, a bank, an identity service.

OpenID Connect Core 1.0, the code flow with PKCE (RFC 7636). The provider must sign what was
confirmed: a claim with the challenge's id, amount and currency. What the browser brings back is
exchanged server to server; without it the provider's books are asked, where it has an address for
that. An agent's word appears nowhere (decision 20, ACP-160).
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError

from interventions.errors import ProviderSilent
from interventions.http import Http, NoReply, Reply
from interventions.ports import Begun, Challenge, NotYet, Passed, Refused, Verdict
from interventions.providers.openid_published import Clock, Published, content_of, trusted
from interventions.weblinks import parse

log = logging.getLogger("agentic.interventions.openid")

ALGORITHMS = ("ES256", "RS256")
LEEWAY_SECONDS = 30
LONGEST_TOKEN = 16 * 1024
UNDECIDED = ("pending", "abandoned")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What was agreed with the provider. Origins are written as browsers do: `https://host`."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str = ""
    """How agents and operators know the provider; default: its host."""
    scopes: tuple[str, ...] = ("openid",)
    page_origins: tuple[str, ...] = ()
    """Where its pages are served from; default: the issuer's origin. Nothing else is opened."""
    server_origins: tuple[str, ...] = ()
    """Where its servers are, besides the issuer's origin."""
    readback_url: str = ""
    """Where its books are asked; `{id}` stands for the challenge's id."""
    embed_url: str = ""
    """The page to show in a frame, for challenges of the type webview; default: its usual page."""
    claim: str = "confirmation"
    algorithms: tuple[str, ...] = ALGORITHMS
    loopback_http: bool = False
    """http is accepted on this machine (decision 4); for the demo."""
    timeout_seconds: float = 5.0


class OpenIdProvider:
    """Runs redirects and embedded pages. Called with no transaction open; may take seconds."""

    def __init__(self, arrangement: Arrangement, http: Http, *, clock: Clock = time.monotonic) -> None:
        own = parse(arrangement.issuer)
        self._arrangement, self._http = arrangement, http
        self.name = arrangement.name or own.host
        self.origins: Sequence[str] = arrangement.page_origins or (own.origin,)
        self._servers = frozenset({own.origin, *arrangement.server_origins})
        self._published = Published(
            arrangement.issuer,
            http,
            pages=frozenset(self.origins),
            servers=self._servers,
            loopback_http=arrangement.loopback_http,
            timeout_seconds=arrangement.timeout_seconds,
            clock=clock,
        )

    @property
    def keeps_books(self) -> bool:
        """It can be asked what a person did who brought nothing back, as from a frame."""
        return bool(self._arrangement.readback_url)

    def begin(self, challenge: Challenge, *, return_to: str, state: str) -> Begun:
        """Where the person's browser goes now; the provider sends it back to `return_to` with `state`.

        Repeatable, and different each time. Raises ProviderSilent when the provider cannot be asked
        or its page is not where it should be (ACP-154, T30).
        """
        arranged = self._arrangement
        endpoint = self._published.endpoints().authorization
        if challenge.type == "webview" and arranged.embed_url:
            endpoint = trusted(
                arranged.embed_url, frozenset(self.origins), loopback_http=arranged.loopback_http
            )
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        asked = {
            "response_type": "code",
            "client_id": arranged.client_id,
            "redirect_uri": return_to,
            "scope": " ".join(arranged.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _unpadded(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
            arranged.claim: json.dumps(_confirmation_of(challenge), separators=(",", ":")),
        }
        url = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"
        return Begun(url, {"nonce": nonce, "code_verifier": verifier})

    def verify(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        """What the provider itself says of the challenge.

        With a `code` in `evidence`: the code is redeemed, which works once, with the `nonce` and
        `code_verifier` of the round trip's memory and its `return_to`; an `iss` that came back must
        be the issuer (RFC 9207). Comparing the state is the caller's. Without a code, an error that
        came back included: the books are asked. Raises ProviderSilent; after that, or after a code
        that proved nothing, the books may still know.
        """
        if evidence.get("code"):
            return self._redeem(challenge, evidence)
        return self._read_back(challenge)

    def _redeem(self, challenge: Challenge, evidence: Mapping[str, str]) -> Verdict:
        code, nonce, verifier, return_to = (
            evidence.get(name, "") for name in ("code", "nonce", "code_verifier", "return_to")
        )
        if not (nonce and verifier and return_to):
            return NotYet()
        if evidence.get("iss") and evidence["iss"] != self._arrangement.issuer:
            return NotYet()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": return_to,
            "code_verifier": verifier,
        }
        reply = self._ask("POST", self._published.endpoints().token, form=form)
        content = content_of(reply)
        if reply.status == 400 and content.get("error") == "invalid_grant":
            return NotYet()
        token = content.get("id_token")
        if reply.status != 200 or not isinstance(token, str) or len(token) > LONGEST_TOKEN:
            log.warning("%s redeemed no code: status %s", self.name, reply.status)
            raise ProviderSilent
        claims = self._claims(token, nonce)
        return NotYet() if claims is None else self._judge(challenge, claims.get(self._arrangement.claim))

    def _read_back(self, challenge: Challenge) -> Verdict:
        arranged = self._arrangement
        if not arranged.readback_url:
            return NotYet()
        url = arranged.readback_url.replace("{id}", quote(challenge.id, safe=""))
        reply = self._ask("GET", trusted(url, self._servers, loopback_http=arranged.loopback_http))
        if reply.status == 404:
            return NotYet()
        booked = content_of(reply)
        if reply.status != 200:
            log.warning("%s did not open its books: status %s", self.name, reply.status)
            raise ProviderSilent
        if booked.get("id") != challenge.id:
            return NotYet()
        if booked.get("status") == "denied":
            return Refused("denied")
        if booked.get("status") == "approved":
            return self._judge(challenge, {name: booked.get(name) for name in ("id", "amount", "currency")})
        if booked.get("status") not in UNDECIDED:
            log.warning("%s says of a confirmation what we do not know", self.name)
        return NotYet()

    def _judge(self, challenge: Challenge, confirmed: object) -> Verdict:
        """Whether this is what the person was asked. A yes to another amount is final, and no yes."""
        wanted = _confirmation_of(challenge)
        if not isinstance(confirmed, dict) or confirmed.get("id") != wanted["id"]:
            return NotYet()
        same = all(
            type(confirmed.get(name)) is type(value) and confirmed[name] == value
            for name, value in wanted.items()
        )
        if not same:
            log.warning("%s confirmed another amount than asked", self.name)
        return Passed() if same else Refused("another amount")

    def _claims(self, token: str, nonce: str) -> dict[str, Any] | None:
        """What the token says, when the provider signed it for us, now and for this round trip."""
        arranged = self._arrangement
        try:
            try:
                read = jwt.decode(token, self._published.keys(), algorithms=arranged.algorithms)
            except InvalidKeyIdError:
                newer = self._published.keys(newer=True)
                read = jwt.decode(token, newer, algorithms=arranged.algorithms)
            jwt.JWTClaimsRegistry(
                now=int(time.time()),
                leeway=LEEWAY_SECONDS,
                iss={"essential": True, "value": arranged.issuer},
                aud={"essential": True, "value": arranged.client_id},
                sub={"essential": True},
                exp={"essential": True},
                iat={"essential": True},
                nonce={"essential": True, "value": nonce},
            ).validate(read.claims)
        # A token is a stranger's text: what is odd enough for another exception proves nothing either.
        except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
            log.warning("%s signed nothing we can use: %s", self.name, type(problem).__name__)
            return None
        several = isinstance(read.claims["aud"], list) and len(read.claims["aud"]) > 1
        # OpenID Connect Core 3.1.3.7: a token for several says for whom it was made.
        if read.claims.get("azp", None if several else arranged.client_id) != arranged.client_id:
            return None
        return dict(read.claims)

    def _ask(self, method: str, url: str, *, form: Mapping[str, str] | None = None) -> Reply:
        """RFC 6749 2.3.1: both parts of the credentials are form-encoded first."""
        arranged = self._arrangement
        pair = f"{quote_plus(arranged.client_id)}:{quote_plus(arranged.client_secret)}"
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        try:
            return self._http.request(
                method, url, headers=headers, form=form, timeout_seconds=arranged.timeout_seconds
            )
        except NoReply:
            raise ProviderSilent from None


def _confirmation_of(challenge: Challenge) -> dict[str, Any]:
    return {"id": challenge.id, "amount": challenge.amount, "currency": challenge.currency.lower()}


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
