"""Seams: what is missing is said at the start; what goes past them is not served."""

from __future__ import annotations

from typing import Any

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.servers.seams import introduced, require


class Other:
    """A library's."""

    present = None


def test_what_is_there_passes() -> None:
    require(Other, "present")


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"no Other\.absent"):
        require(Other, "present", "absent")


def test_only_an_environ_with_its_client_reaches_the_application() -> None:
    asked: list[dict[str, Any]] = []

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asked.append(environ)
        return [b"octets"]

    known: dict[str, Any] = {"sslmagic.peer": None}
    assert introduced(app)(known, print) == [b"octets"]
    with pytest.raises(ConfigurationError, match="way round"):
        introduced(app)({"HTTP_X_FORWARDED_FOR": "192.0.2.66"}, print)
    assert asked == [known]
