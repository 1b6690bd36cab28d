"""files.py: what is wrong with a file is said first."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.inspect.files import check_captures, check_outputs, create
from tests.sslmagic_cli.inspect.captured import capture, mixed

Run = Callable[..., Any]


@pytest.mark.parametrize("option", ["--html", "--parquet"])
def test_a_file_that_cannot_be_written(run: Run, tmp_path: Path, option: str) -> None:
    name = capture(tmp_path / "a.pcap", mixed())
    ended = run("inspect", name, option, str(tmp_path / "no" / "file"))
    assert ended.code == Exit.CANNOT_CREATE
    assert "No such file" in ended.complaint
    # It is said before an hour of reading, not behind it.
    assert ended.out == b""
    ended = run("inspect", name, option, str(tmp_path))
    assert (ended.code, ended.out) == (Exit.CANNOT_CREATE, b"")
    assert ended.complaint == f"magic: {tmp_path}: Is a directory"
    octets = Path(name).read_bytes()
    ended = run("inspect", name, option, name)
    assert (ended.code, ended.out) == (Exit.CANNOT_CREATE, b"")
    assert Path(name).read_bytes() == octets


@pytest.mark.parametrize("option", ["--html", "--parquet"])
def test_a_run_that_fails_leaves_the_last_report(
    run: Run, tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = capture(tmp_path / "a.pcap", mixed())
    report = tmp_path / "report"
    words = ("inspect", name, option, str(report))
    assert run(*words).code == Exit.DONE
    whole = report.read_bytes()
    report.write_bytes(b"older")
    # People run it again and again.
    assert run(*words).code == Exit.DONE
    assert len(report.read_bytes()) == len(whole)
    report.write_bytes(b"the last good one")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ended = run(*words)
    assert (ended.code, ended.complaint) == (
        Exit.CANNOT_CREATE,
        f"magic: {report}: No space left on device",
    )
    assert report.read_bytes() == b"the last good one"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a.pcap", "report"]


def test_what_may_not_be_written_is_said_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report"
    path.touch()
    real = os.access
    shut: set[Path] = set()

    def access(name: Path, mode: int) -> bool:
        return name not in shut and real(name, mode)

    monkeypatch.setattr(os, "access", access)
    shut.add(tmp_path)
    with pytest.raises(CommandError, match="new: Permission denied"):
        check_outputs([str(tmp_path / "new")], [])
    # One that is there is written in place.
    check_outputs([str(path)], [])
    shut.add(path)
    with pytest.raises(CommandError, match="report: Permission denied"):
        check_outputs([str(path)], [])
    fixed = os.statvfs_result((*os.statvfs(tmp_path)[:8], os.ST_RDONLY, 255))
    with monkeypatch.context() as mounted:
        mounted.setattr(os, "statvfs", lambda _: fixed)
        with pytest.raises(CommandError, match="report: Read-only file system"):
            check_outputs([str(path)], [])
    # A device is written in place.
    shut.add(Path("/dev"))
    check_outputs(["/dev/null"], [])


def test_one_file_is_not_two(run: Run, tmp_path: Path) -> None:
    name = capture(tmp_path / "a.pcap", mixed())
    twice = str(tmp_path / "out"), f"{tmp_path}/../{tmp_path.name}/out"
    ended = run("inspect", name, "--html", twice[0], "--parquet", twice[1])
    assert (ended.code, ended.out) == (Exit.CANNOT_CREATE, b"")
    assert ended.complaint == f"magic: {twice[0]} cannot be both files"
    assert not Path(twice[0]).exists()


def test_a_capture_on_standard_input_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pcap"
    path.touch()
    with path.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(CommandError, match="is a capture itself"):
            check_outputs([str(path)], ["-"])
        check_outputs([str(tmp_path / "b")], ["-"])
    monkeypatch.setattr("sys.stdin", None)
    check_outputs([str(path)], ["-"])


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    loop, lost = tmp_path / "loop", tmp_path / "lost"
    loop.symlink_to("loop")
    lost.symlink_to("no/where")
    for path, said in ((loop, "loop: Too many levels"), (lost, "lost: No such file")):
        with pytest.raises(CommandError, match=said):
            check_outputs([str(path), str(tmp_path / "b")], [])


def test_a_capture_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_captures([str(tmp_path), "-"])
    with pytest.raises(CommandError, match="No such file") as raised:
        check_captures(["-", str(tmp_path / "no")])
    assert raised.value.exit_code == Exit.NO_INPUT
    with pytest.raises(CommandError, match="give - once") as raised:
        check_captures(["-", str(tmp_path), "-"])
    assert raised.value.exit_code == Exit.USAGE
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(CommandError, match="standard input is closed"):
        check_captures(["-"])


def test_a_file_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="Not a directory"):
        check_outputs([str(tmp_path / "file" / "a.html")], ["-"])
    check_outputs([str(tmp_path / "file")], ["-", str(tmp_path / "no")])


def test_what_no_encoding_has_is_written_too(tmp_path: Path) -> None:
    create(tmp_path / "a", "\udcff")
    assert (tmp_path / "a").read_bytes() == rb"\udcff"
    with pytest.raises(CommandError, match="Is a directory"):
        create(tmp_path, "")
