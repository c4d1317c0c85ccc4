"""Run it on your own device provider: `class TestMine(DeviceProviderContract)`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from interventions.errors import Unproven
from interventions.ports import DeviceKey, DeviceProvider

CHALLENGE, OTHER = b"c" * 40, b"d" * 40


class DeviceProviderContract:
    """The contract of `interventions.ports.DeviceProvider`. Write `part`, `device`, `make` and `use`."""

    def part(self) -> DeviceProvider:
        """The part under test."""
        raise NotImplementedError

    def device(self) -> Any:
        """A device that nobody has used yet."""
        raise NotImplementedError

    def make(self, device: Any, options: Mapping[str, Any], *, verified: bool = True) -> Mapping[str, Any]:
        """What the page sends once the device has made a key."""
        raise NotImplementedError

    def use(self, device: Any, options: Mapping[str, Any], *, verified: bool = True) -> Mapping[str, Any]:
        """What the page sends once the device has used its key."""
        raise NotImplementedError

    def made(self, device: Any, challenge: bytes = CHALLENGE, *, verified: bool = True) -> DeviceKey:
        options = self.part().to_make(challenge, handle=b"h" * 32, account="a***@example.com")
        return self.part().made(self.make(device, options, verified=verified), CHALLENGE)

    # --- what it must do -------------------------------------------------------------------

    def test_it_serves_the_port(self) -> None:
        assert isinstance(self.part(), DeviceProvider)
        assert self.part().name

    def test_a_key_is_made_and_used(self) -> None:
        device = self.device()
        key = self.made(device)

        answer = self.use(device, self.part().to_use(CHALLENGE))

        assert self.part().key_in(answer) == key.credential_id
        assert self.part().challenge_in(answer) == CHALLENGE
        assert self.part().used(answer, CHALLENGE, key) >= key.sign_count

    def test_a_user_who_was_not_verified_proves_nothing(self) -> None:
        device = self.device()
        key = self.made(device)

        with pytest.raises(Unproven):
            self.made(self.device(), verified=False)
        answer = self.use(device, self.part().to_use(CHALLENGE), verified=False)
        with pytest.raises(Unproven):
            self.part().used(answer, CHALLENGE, key)

    def test_another_challenge_proves_nothing(self) -> None:
        device = self.device()
        key = self.made(device)

        with pytest.raises(Unproven):
            self.made(self.device(), OTHER)
        with pytest.raises(Unproven):
            self.part().used(self.use(device, self.part().to_use(OTHER)), CHALLENGE, key)

    def test_another_device_proves_nothing(self) -> None:
        key, other = self.made(self.device()), self.device()
        self.made(other)

        with pytest.raises(Unproven):
            self.part().used(self.use(other, self.part().to_use(CHALLENGE)), CHALLENGE, key)

    @pytest.mark.parametrize("answer", [{}, {"id": "x"}, {"id": 7, "response": []}, {"response": {"x": "y"}}])
    def test_nonsense_proves_nothing(self, answer: Mapping[str, Any]) -> None:
        key = self.made(self.device())

        for judge in (
            lambda: self.part().challenge_in(answer),
            lambda: self.part().made(answer, CHALLENGE),
            lambda: self.part().used(answer, CHALLENGE, key),
        ):
            with pytest.raises(Unproven):
                judge()
