"""output.py: data as it is, words in the encoding of the stream."""

from __future__ import annotations

import io
import sys

import pytest

from sslmagic_cli import output


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def written(to: io.TextIOWrapper) -> bytes:
    """What has reached the stream, without a flush by us."""
    assert isinstance(to.buffer, io.BytesIO)
    return to.buffer.getvalue()


def test_data_is_written_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    to = stream("ascii")
    monkeypatch.setattr(sys, "stdout", to)
    output.write(b"\xcd\r\n\xff")
    assert written(to) == b"\xcd\r\n\xff"


@pytest.mark.parametrize(
    ("encoding", "octets"),
    [("utf-8", b"caf\xc3\xa9\n"), ("latin-1", b"caf\xe9\n"), ("ascii", b"caf\\xe9\n")],
)
def test_words_fit_the_stream(encoding: str, octets: bytes) -> None:
    to = stream(encoding)
    output.say("caf\u00e9", to)
    assert written(to) == octets


def test_a_file_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", stream("utf-8"))
    assert not output.is_terminal()
