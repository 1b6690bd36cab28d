"""Files that a command writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslmagic_cli import newfile
from sslmagic_cli.exits import CommandError, Exit, exit_for


def test_what_fails_leaves_no_new_file_and_keeps_an_old_one(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_bytes(b"kept")
    for path, force in ((new, False), (old, True)):
        with (
            pytest.raises(ValueError, match="broken"),
            newfile.created(str(path), force=force),
        ):
            raise ValueError("broken")
    assert not new.exists()
    assert old.read_bytes() == b"kept"


def test_one_that_is_there_is_only_written_over_by_force(tmp_path: Path) -> None:
    path = tmp_path / "there"
    path.write_bytes(b"a long answer")
    with (
        pytest.raises(CommandError, match="there already") as refused,
        newfile.created(str(path), force=False),
    ):
        raise AssertionError("it was opened")
    assert exit_for(refused.value) is Exit.CANNOT_CREATE
    with newfile.created(str(path), force=True) as stream:
        stream.write(b"short")
    assert path.read_bytes() == b"short"


def test_two_names_of_one_file(tmp_path: Path) -> None:
    assert newfile.same(f"{tmp_path}/a", f"{tmp_path}/b/../a")
    assert not newfile.same(f"{tmp_path}/a", newfile.STANDARD)
    (tmp_path / "loop").symlink_to("loop")
    assert not newfile.same(f"{tmp_path}/loop", f"{tmp_path}/a")


def test_no_room_for_it_is_said_of_the_file_and_once() -> None:
    with (
        pytest.raises(CommandError, match="/dev/full: No space left") as failed,
        newfile.created("/dev/full", force=True) as stream,
    ):
        stream.write(b"x")
    assert exit_for(failed.value) is Exit.CANNOT_CREATE
    # What failed in the block is not hidden by what fails when it is closed.
    with (
        pytest.raises(ValueError, match="broken"),
        newfile.created("/dev/full", force=True) as stream,
    ):
        stream.write(b"x")
        raise ValueError("broken")
