"""intake.py: a file, a pipe or hex, and never an octet too many."""

from __future__ import annotations

import errno
import io
import os
import select
from pathlib import Path

import pytest

from sslmagic_cli import intake
from sslmagic_cli.exits import CommandError, Exit


@pytest.mark.parametrize(
    "text", ["cd0303", "CD0303", "cd 03 03", "cd:03:03", " cd03\n03 ", "0xcd0303"]
)
def test_hex(text: str) -> None:
    assert intake.open_hex(text).read() == b"\xcd\x03\x03"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cd 0g", "'g' is no hex digit (at byte 1)"),
        ("cd 03 0", "an odd number of hex digits, 5 (at byte 2)"),
        ("\u0664\u0664", "'\u0664' is no hex digit (at byte 0)"),
    ],
)
def test_what_is_no_hex(text: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        intake.open_hex(text)
    assert (str(caught.value), caught.value.exit_code) == (said, Exit.DATA)


def test_a_file_knows_how_much_is_left(tmp_path: Path) -> None:
    path = tmp_path / "octets"
    path.write_bytes(b"0123456789")
    with intake.open_file(str(path)) as stream:
        assert intake.read(stream, 4) == b"0123"
        assert intake.length_left(stream) == 6


def test_a_file_that_shrinks_has_nothing_left(tmp_path: Path) -> None:
    path = tmp_path / "octets"
    path.write_bytes(b"0123456789")
    with intake.open_file(str(path)) as stream:
        intake.read(stream, 4)
        path.write_bytes(b"")
        assert intake.length_left(stream) == 0


def test_hex_knows_how_much_is_left() -> None:
    stream = intake.open_hex("00112233")
    assert intake.read(stream, 3) == b"\x00\x11\x22"
    assert intake.length_left(stream) == 1


def test_a_pipe_does_not_know_and_gives_what_it_has() -> None:
    ours, theirs = os.pipe()
    with io.FileIO(ours) as stream, io.FileIO(theirs, "wb") as end:
        end.write(b"01")
        assert intake.read(stream, 10) == b"01"
        assert intake.length_left(stream) is None
        end.close()
        assert intake.read(stream, 10) == b""


def test_a_pipe_that_somebody_made_non_blocking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = os.pipe()
    os.set_blocking(ours, False)
    waits = []

    def wait(*waited: object) -> None:
        waits.append(waited)
        os.write(theirs, b"01")

    monkeypatch.setattr(select, "select", wait)
    with io.FileIO(ours) as stream, io.FileIO(theirs, "wb"):
        assert intake.read(stream, 10) == b"01"
    assert len(waits) == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing", errno.ENOENT), (".", errno.EISDIR), ("missing/below", errno.ENOENT)],
)
def test_what_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: int
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as caught:
        intake.open_file(name)
    assert str(caught.value) == f"{name}: {os.strerror(said)}"
    assert caught.value.exit_code is Exit.NO_INPUT


def test_what_cannot_be_read_any_more(tmp_path: Path) -> None:
    """Reading a process's memory at 0 fails on every Linux: nothing is mapped there."""
    with (
        intake.open_file("/proc/self/mem") as stream,
        pytest.raises(CommandError) as caught,
    ):
        intake.read(stream, 1)
    assert str(caught.value) == f"/proc/self/mem: {os.strerror(errno.EIO)}"
    assert caught.value.exit_code is Exit.NO_INPUT
