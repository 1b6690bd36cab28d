"""exits.py: which error gives which code."""

from __future__ import annotations

import errno

import pytest

from sslmagic.errors import (
    CaptureError,
    ConfigurationError,
    DecodeError,
    EncodeError,
    IncompleteError,
    ProofError,
    Reason,
    UntrustedError,
)
from sslmagic_cli.exits import CommandError, Exit, exit_for


def test_the_codes_are_the_promised_ones() -> None:
    """Scripts are written against them."""
    assert {code.name: code.value for code in Exit} == {
        "DONE": 0,
        "USAGE": 2,
        "DATA": 65,
        "NO_INPUT": 66,
        "UNAVAILABLE": 69,
        "FAULT": 70,
        "CANNOT_CREATE": 73,
        "UNTRUSTED": 77,
        "CONFIGURATION": 78,
        "INTERRUPTED": 130,
        "PIPE_CLOSED": 141,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (EncodeError("x"), Exit.USAGE),
        (DecodeError("x", reason=Reason.TLV, offset=0), Exit.DATA),
        (IncompleteError("x", offset=0), Exit.DATA),
        (CaptureError("x", capture="a.pcap", offset=0), Exit.DATA),
        (UntrustedError("x", reason=Reason.PEER), Exit.UNTRUSTED),
        (ProofError("x"), Exit.UNTRUSTED),
        (ConfigurationError("x"), Exit.CONFIGURATION),
        (OSError(errno.ENOSPC, "x"), Exit.CANNOT_CREATE),
        (OSError(errno.ECONNREFUSED, "x"), Exit.FAULT),
        (ValueError("x"), Exit.FAULT),
        *((CommandError("x", code), code) for code in Exit),
    ],
)
def test_an_error_has_its_code(error: Exception, code: Exit) -> None:
    assert exit_for(error) is code
