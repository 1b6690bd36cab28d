"""atomicfile.py: the old file or the new one, and never half of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sslmagic_cli.atomicfile import closing, replaced


def test_whoever_reads_sees_the_old_one_until_the_new_one_is_whole(
    tmp_path: Path,
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"the last one")
    with replaced(path) as stream:
        stream.write(b"half")
        stream.flush()
        assert path.read_bytes() == b"the last one"
        stream.write(b" and half")
    assert path.read_bytes() == b"half and half"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("fault", [ValueError, KeyboardInterrupt])
def test_what_fails_changes_nothing(
    tmp_path: Path, there: bool, fault: type[BaseException]
) -> None:
    path = tmp_path / "report"
    if there:
        path.write_bytes(b"the last one")
    before = [(one, one.read_bytes()) for one in tmp_path.iterdir()]
    with pytest.raises(fault), replaced(path) as stream:
        stream.write(b"half")
        raise fault
    assert [(one, one.read_bytes()) for one in tmp_path.iterdir()] == before


def test_what_fails_at_its_very_end_changes_nothing_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"the last one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"), replaced(path) as stream:
        stream.write(b"whole")
    assert path.read_bytes() == b"the last one"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "report", tmp_path / "link"
    path.touch(0o600)
    path.chmod(0o640)
    link.symlink_to("report")
    with replaced(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_new_one_has_the_permissions_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replaced(tmp_path / "report"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "report").stat().st_mode) == 0o640


def test_what_is_no_regular_file_is_written_in_place(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with replaced(pipe) as stream:
            stream.write(b"through")
        assert os.read(reader, 99) == b"through"
    finally:
        os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]
    assert pipe.is_fifo()


def test_the_first_failure_is_the_one_that_is_said() -> None:
    with (
        pytest.raises(ValueError, match="first"),
        closing(Path("/dev/full").open("wb")) as f,
    ):
        f.write(b"x")
        raise ValueError("first")
    with (
        pytest.raises(OSError, match="No space"),
        closing(Path("/dev/full").open("wb")) as f,
    ):
        f.write(b"x")
