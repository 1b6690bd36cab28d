"""rest.py: what follows arrives untouched, as it comes, and never over its source."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from sslmagic_cli import intake
from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.rest import Rest


def test_a_file_gets_what_is_left(tmp_path: Path) -> None:
    octets = os.urandom(200_000)
    target = tmp_path / "rest"
    target.write_bytes(b"what was there before")
    stream = io.BytesIO(octets)
    stream.seek(24)
    Rest(str(target), stream).copy()
    assert target.read_bytes() == octets[24:]


def test_its_file_is_there_before_it_copies(tmp_path: Path) -> None:
    target = tmp_path / "rest"
    rest = Rest(str(target), io.BytesIO(b"x"))
    assert target.read_bytes() == b""
    rest.copy()


@pytest.mark.parametrize("name", [".", "missing/rest"])
def test_what_cannot_be_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as caught:
        Rest(name, io.BytesIO())
    assert str(caught.value).startswith(f"{name}: ")
    assert caught.value.exit_code is Exit.CANNOT_CREATE


def test_a_full_disk() -> None:
    with pytest.raises(CommandError) as caught:
        Rest("/dev/full", io.BytesIO(b"x")).copy()
    assert str(caught.value) == "/dev/full: No space left on device"
    assert caught.value.exit_code is Exit.CANNOT_CREATE


def test_the_input_is_never_emptied(tmp_path: Path) -> None:
    path = tmp_path / "octets"
    path.write_bytes(b"0123456789")
    link = tmp_path / "link"
    link.symlink_to(path)
    with (
        intake.open_file(str(path)) as stream,
        pytest.raises(CommandError, match="is the input itself") as caught,
    ):
        Rest(str(link), stream)
    assert caught.value.exit_code is Exit.CANNOT_CREATE
    assert path.read_bytes() == b"0123456789"
