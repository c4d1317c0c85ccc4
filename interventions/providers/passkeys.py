"""Passkeys: what a page asks a person's device for, and whether what comes back is a proof (WebAuthn).

The device must have verified its user, by face, finger or its own code: mere presence proves nobody.
It is asked for a key that it finds by itself (a discoverable one), so no page tells who looks at it
which keys a buyer has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    options_to_json_dict,
    parse_attestation_object,
    parse_client_data_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from interventions.errors import Unproven
from interventions.ports import DeviceKey

TIMEOUT_MS = 120_000
LONGEST_ID = 1400
MOST_USES = 2**32 - 1

ALGORITHMS = [
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]

# We ask for no word of the maker; the second is how a device may sign for itself nevertheless.
FORMATS = (AttestationFormat.NONE, AttestationFormat.PACKED)


class NoName(ValueError):
    """Browsers offer no passkeys at this address."""


class Passkeys:
    """The merchant as devices know it: by the host of `origin`, and by that alone."""

    def __init__(self, origin: str, *, merchant: str, name: str = "") -> None:
        """Raises NoName for an address at which no browser offers passkeys."""
        self._origin, self._merchant = origin, merchant
        self._host = named_host(origin)
        self.name = name or merchant

    def to_make(self, challenge: bytes, *, handle: bytes, account: str) -> Mapping[str, Any]:
        options = generate_registration_options(
            rp_id=self._host,
            rp_name=self._merchant,
            user_id=handle,
            user_name=account,
            user_display_name=account,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            supported_pub_key_algs=ALGORITHMS,
        )
        return options_to_json_dict(options)

    def to_use(self, challenge: bytes) -> Mapping[str, Any]:
        options = generate_authentication_options(
            rp_id=self._host,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options)

    def challenge_in(self, answer: Mapping[str, Any]) -> bytes:
        try:
            told = parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"]))
        except Exception:
            raise Unproven from None
        if told.cross_origin:
            raise Unproven
        return told.challenge

    def key_in(self, answer: Mapping[str, Any]) -> str:
        named = answer.get("id")
        if not isinstance(named, str) or not 0 < len(named) <= LONGEST_ID:
            raise Unproven
        return named

    def made(self, answer: Mapping[str, Any], challenge: bytes) -> DeviceKey:
        try:
            statement = parse_attestation_object(base64url_to_bytes(answer["response"]["attestationObject"]))
            if statement.fmt not in FORMATS:
                raise Unproven
            proven = verify_registration_response(
                credential=json.dumps(answer),
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                require_user_verification=True,
                supported_pub_key_algs=ALGORITHMS,
            )
        except Exception:  # whatever readers of three binary formats make of hostile bytes
            raise Unproven from None
        credential_id = bytes_to_base64url(proven.credential_id)
        if credential_id != self.key_in(answer) or not 0 <= proven.sign_count <= MOST_USES:
            raise Unproven
        return DeviceKey(credential_id, proven.credential_public_key, proven.sign_count, proven.aaguid)

    def used(self, answer: Mapping[str, Any], challenge: bytes, key: DeviceKey) -> int:
        if self.key_in(answer) != key.credential_id:
            raise Unproven
        try:
            proven = verify_authentication_response(
                credential=json.dumps(answer),
                expected_challenge=challenge,
                expected_rp_id=self._host,
                expected_origin=self._origin,
                credential_public_key=key.public_key,
                credential_current_sign_count=key.sign_count,
                require_user_verification=True,
            )
        except Exception:
            raise Unproven from None
        return proven.new_sign_count


def named_host(origin: str) -> str:
    """The host that passkeys of pages at `origin` belong to.

    Raises NoName: an address of numbers cannot be a relying party, and browsers offer passkeys on
    https pages and on localhost alone.
    """
    parts = urlsplit(origin)
    host = parts.hostname or ""
    try:
        ip_address(host)
    except ValueError:
        pass
    else:
        raise NoName(f"passkeys need a host with a name, and {host} is an address: use http://localhost")
    local = host == "localhost" or host.endswith(".localhost")
    if not host or not (parts.scheme == "https" or local):
        raise NoName("passkeys work on https pages only, and on localhost")
    return host
