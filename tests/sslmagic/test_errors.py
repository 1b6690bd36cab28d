"""errors.py: one tree, one list of reasons, errors that survive a process boundary."""

from __future__ import annotations

import pickle

import pytest

from sslmagic.errors import (
    CaptureError,
    ConfigurationError,
    DecodeError,
    EncodeError,
    IncompleteError,
    ProofError,
    Reason,
    SslMagicError,
    UntrustedError,
)


def test_every_error_has_the_one_root() -> None:
    for kind in (
        CaptureError,
        ConfigurationError,
        DecodeError,
        EncodeError,
        UntrustedError,
    ):
        assert issubclass(kind, SslMagicError)
    assert issubclass(IncompleteError, DecodeError)
    assert issubclass(ProofError, UntrustedError)


def test_octets_that_mean_nothing_are_value_errors() -> None:
    for kind in (ConfigurationError, DecodeError, EncodeError):
        assert issubclass(kind, ValueError)


def test_a_decode_error_says_what_and_where() -> None:
    error = DecodeError("octet 00 has no place", reason=Reason.LINE, offset=7)
    assert str(error) == "octet 00 has no place (at byte 7)"
    assert (error.reason, error.offset) == ("line", 7)


def test_an_incomplete_error_is_a_truncation() -> None:
    assert IncompleteError("ended", offset=3).reason is Reason.TRUNCATED


def test_a_proof_error_is_about_the_proof() -> None:
    assert ProofError("no").reason is Reason.PROOF
    assert str(UntrustedError("no", reason=Reason.PEER)) == "no"


@pytest.mark.parametrize(
    "error",
    [
        DecodeError("a", reason=Reason.TLV, offset=1),
        IncompleteError("b", offset=2),
        UntrustedError("c", reason=Reason.SOURCE),
        ProofError("d"),
    ],
)
def test_errors_pickle(error: DecodeError | UntrustedError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert again.reason is error.reason


def test_a_capture_error_says_what_where_and_in_which_file() -> None:
    error = CaptureError("no record begins so", capture="a.pcap", offset=24)
    assert str(error) == "a.pcap: no record begins so (at byte 24)"
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, CaptureError)
    assert (again.message, again.capture, again.offset) == (
        "no record begins so",
        "a.pcap",
        24,
    )


def test_reasons_may_label_a_metric() -> None:
    assert all(r.value.isidentifier() and r.value.islower() for r in Reason)
