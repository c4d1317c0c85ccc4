"""Why a signature or a token was refused, in the words of Signature-Error (AA-407). Pure."""

from __future__ import annotations

from collections.abc import Iterable

ALGORITHMS = ("Ed25519", "ES256")
"""What keys may be for, the preferred one first (AA-406)."""

TITLES = {
    "invalid_signature": "The signature is missing, malformed, too old or wrong.",
    "invalid_input": "The signature does not cover what it must cover.",
    "unsupported_scheme": "This Signature-Key scheme is not accepted.",
    "unsupported_algorithm": "This signature algorithm is not accepted.",
    "invalid_key": "The key cannot be used.",
    "unknown_key": "The issuer has no such key.",
    "invalid_jwt": "The token is malformed or not signed by its issuer.",
    "expired_jwt": "The token has expired.",
    "revoked_jwt": "The token was revoked.",
    "clock_skew": "The signature was made in the future.",
    "issuer_missing": "The issuer's metadata name no issuer.",
    "issuer_mismatch": "The issuer's metadata belong to another issuer.",
    "invalid_request": "The request is malformed.",
}


class SignatureProblem(Exception):
    """Not verified, and `code` says why. Nothing in it repeats what was received or tells a secret."""

    def __init__(
        self, code: str, detail: str = "", *, required: Iterable[str] = (), schemes: Iterable[str] = ("jwt",)
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.required = tuple(required)
        """What must be covered, with `invalid_input`."""
        self.schemes = tuple(schemes)
        """What would be accepted, with `unsupported_scheme`."""

    def headers(self) -> dict[str, str]:
        """What the 401 carries, and no other status ever (AA-030)."""
        error = f"error={self.code}"
        if self.required:
            error += ", required_input=(" + " ".join(f'"{name}"' for name in self.required) + ")"
        headers = {"Signature-Error": error}
        if self.code == "unsupported_scheme":
            headers["Accept-Signature-Scheme"] = ", ".join(self.schemes)
        if self.code == "unsupported_algorithm":
            headers["Accept-Signature-Alg"] = ", ".join(ALGORITHMS)
        return headers

    def body(self) -> dict[str, str | int]:
        """The problem document; the header decides where they differ (AA-407)."""
        document: dict[str, str | int] = {
            "type": f"urn:ietf:params:sig-error:{self.code}",
            "title": TITLES.get(self.code, "The signature was refused."),
            "status": 401,
            "error": self.code,
        }
        if self.detail:
            document["detail"] = self.detail
        return document
