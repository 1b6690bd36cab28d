"""source.py: octets of files, gzip files and pipes, as they come."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sslmagic.capture.source import PIECE, Source
from sslmagic.errors import CaptureError

Change = Callable[[bytes], bytes]


def octets_of(capture: Path | io.BytesIO) -> bytes:
    with Source(capture) as source:
        return b"".join(source.pieces())


@pytest.mark.parametrize("size", [0, 1, 2, 3, PIECE, PIECE + 3])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_is_given_whole(tmp_path: Path, size: int, pack: Change) -> None:
    octets = os.urandom(size)
    file = tmp_path / "a"
    file.write_bytes(pack(octets))
    assert octets_of(file) == octets
    assert octets_of(io.BytesIO(pack(octets))) == octets
    with Source(file) as source:
        assert source.size == file.stat().st_size
        assert all(len(piece) <= PIECE for piece in source.pieces())
        assert source.taken == source.size


def test_several_gzip_files_in_a_row_are_one() -> None:
    packed = gzip.compress(b"one") + gzip.compress(b"two") + bytes(5)
    assert octets_of(io.BytesIO(packed)) == b"onetwo"


def test_what_unpacks_to_very_much_comes_in_pieces() -> None:
    with Source(io.BytesIO(gzip.compress(bytes(5 * PIECE)))) as source:
        sizes = [len(piece) for piece in source.pieces()]
    assert sum(sizes) == 5 * PIECE
    assert max(sizes) <= PIECE


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda packed: packed[:-9], "ends too early"),
        (lambda packed: packed[:-5] + b"\xff" + packed[-4:], "broken"),
        (lambda packed: packed + b"tail", "broken"),
    ],
)
def test_a_broken_gzip_file_gives_what_it_has(spoil: Change, said: str) -> None:
    octets = os.urandom(1000)
    given = b""
    with Source(io.BytesIO(spoil(gzip.compress(octets)))) as source:
        with pytest.raises(CaptureError, match=said) as caught:
            for piece in source.pieces():
                given += piece
    assert given
    assert octets.startswith(given)
    assert caught.value.offset == len(given)


def test_nothing_waits_for_more_than_a_pipe_has() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb", 0) as end:
        with Source(pipe) as source:
            pieces = source.pieces()
            end.write(b"ab")
            assert next(pieces) == b"ab"
            end.write(b"cdef")
            assert next(pieces) == b"cdef"
            assert source.size is None
            end.close()
            assert list(pieces) == []


def test_a_file_that_is_not_there_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Source(tmp_path / "none")
