"""source.py: octets of files, gzip files and pipes, as they come."""

from __future__ import annotations

import gzip
import io
import os
import random
import time
import zlib
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


@pytest.mark.parametrize("level", [0, 6])
def test_all_before_the_fault_is_given_and_soon(level: int) -> None:
    """Octet by octet it would take minutes."""
    octets = random.Random(1).randbytes(PIECE - 1000)
    packed = bytearray(gzip.compress(octets, level))
    packed[-6] ^= 0xFF
    given, began = b"", time.process_time()
    with Source(io.BytesIO(packed)) as source, pytest.raises(CaptureError):
        for piece in source.pieces():
            given += piece
    assert given == octets
    assert time.process_time() - began < 1


def test_very_many_small_gzip_files_in_a_row_are_read_soon() -> None:
    """With a copy of all that is behind each it would take many times as long."""
    empty = gzip.compress(b"", mtime=0)
    packed = gzip.compress(b"one") + empty * (PIECE // len(empty)) + bytes(9)
    packed += gzip.compress(b"two") + bytes(PIECE)
    began = time.process_time()
    assert octets_of(io.BytesIO(packed)) == b"onetwo"
    taken, began = time.process_time() - began, time.process_time()
    for _ in range(PIECE // len(empty)):
        zlib.decompressobj(31).decompress(empty)
    assert taken < 12 * (time.process_time() - began)


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
