"""atomicfile.py: the old file or the new one, and never half of one."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from sslmagic_cli.atomicfile import closing, is_replaceable, replaced


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


@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize("is_linked", [True, False])
def test_what_a_process_has_open_is_written_in_place(
    tmp_path: Path, is_gone: bool, is_linked: bool
) -> None:
    path, link = tmp_path / "report", tmp_path / "link"
    with path.open("wb+") as opened:
        # As a shell has it open, or whoever gave a temporary file without a name.
        if is_gone:
            path.unlink()
        descriptor = f"/dev/fd/{opened.fileno()}"
        link.symlink_to(descriptor)
        with replaced(link if is_linked else Path(descriptor)) as stream:
            stream.write(b"for who has it open")
        assert opened.read() == b"for who has it open"
    assert sorted(tmp_path.iterdir()) == ([link] if is_gone else [link, path])


def test_what_belongs_to_somebody_else_goes_on_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"a longer one")
    assert is_replaceable(path)
    before = path.stat()
    nobody, nobodys = before.st_uid + 1, before.st_gid + 1
    for name, value in (("geteuid", nobody), ("getegid", nobodys)):
        with monkeypatch.context() as other:
            other.setattr(os, name, lambda value=value: value)
            other.setattr(os, "getgroups", list)
            assert not is_replaceable(path)
            kept = path.read_bytes()
            with pytest.raises(ValueError, match="none"), replaced(path) as stream:
                stream.write(b"half")
                raise ValueError("none")
            assert path.read_bytes() == kept
            with replaced(path) as stream:
                stream.write(name.encode())
        assert path.read_bytes() == name.encode()
        assert path.stat().st_ino == before.st_ino


def test_where_nothing_can_be_put_beside_it_is_written_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"a longer one")
    before = path.stat().st_ino
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda name, _: name != tmp_path)
    with replaced(path) as stream:
        stream.write(b"new")
    assert (path.read_bytes(), path.stat().st_ino) == (b"new", before)


def test_nobody_sees_in_it_what_the_old_one_did_not_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.touch(0o600)
    group = path.stat().st_gid
    made: list[int] = []
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(
        os, "fchmod", lambda fd, _: made.append(stat.S_IMODE(os.fstat(fd).st_mode))
    )
    monkeypatch.setattr(os, "fchown", lambda _, *ids: given.append(ids))
    with replaced(path):
        pass
    assert (made, given) == ([0o600], [])
    # A directory may say the group of what is new in it.
    real = os.fstat
    monkeypatch.setattr(
        os,
        "fstat",
        lambda fd: os.stat_result((*real(fd)[:5], group + 1, *real(fd)[6:])),
    )
    with replaced(path):
        pass
    assert given == [(-1, group)]


def test_what_is_protected_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"kept")
    # Root may write everything.
    real = os.open

    def opened(name: str, flags: int, mode: int = 0) -> int:
        if not flags & os.O_CREAT:
            raise PermissionError(errno.EACCES, "Permission denied", str(name))
        return real(name, flags, mode)

    monkeypatch.setattr(os, "open", opened)
    with pytest.raises(PermissionError, match="report"), replaced(path):
        raise AssertionError("it was opened")
    assert path.read_bytes() == b"kept"


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EIO])
def test_a_file_that_is_a_mount_gets_the_octets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = tmp_path / "report"
    path.write_bytes(b"the last one")

    def mounted(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", mounted)
    if number == errno.EBUSY:
        with replaced(path) as stream:
            stream.write(b"new")
        assert path.read_bytes() == b"new"
    else:
        with pytest.raises(OSError, match="error"), replaced(path) as stream:
            stream.write(b"new")
        assert path.read_bytes() == b"the last one"
    assert list(tmp_path.iterdir()) == [path]


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
