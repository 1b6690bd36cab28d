"""wireshark.py: what `magic wireshark` does to files, and says of it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from sslmagic.dissect.wireshark import DISSECTOR, NAME
from sslmagic_cli.exits import Exit

Run = Callable[..., Any]

VERSION = version("sslmagic")


def test_install_says_what_it_did(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plugins" / NAME
    words = "wireshark", "install", "--to", str(path.parent)
    for more, said in (
        ([], f"installed {path} (version {VERSION})"),
        ([], f"installed {path} again (version {VERSION})"),
        (["--remove"], f"removed {path} (version {VERSION})"),
        (["--remove"], f"{path} is not there"),
    ):
        ended = run(*words, *more)
        assert (ended.code, ended.err) == (Exit.DONE, b"")
        assert ended.out.decode() == f"{said}\n"
        assert path.exists() == (more == [])


def test_an_upgrade(run: Run, tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("-- sslmagic dissector 0.0.1\n")
    ended = run("wireshark", "install", "--to", str(tmp_path))
    said = f"installed {path} (version {VERSION}, was 0.0.1)\n"
    assert (ended.code, ended.out.decode()) == (Exit.DONE, said)


@pytest.mark.parametrize("more", [[], ["--remove"]])
def test_another_s_file(run: Run, tmp_path: Path, more: list[str]) -> None:
    path = tmp_path / NAME
    path.write_text("print('mine')\n")
    ended = run("wireshark", "install", "--to", str(tmp_path), *more)
    assert (ended.code, ended.out) == (Exit.CANNOT_CREATE, b"")
    said = f"magic: {path}: this file is not sslmagic's, and stays as it is"
    assert ended.complaint == said
    assert path.read_text() == "print('mine')\n"


def test_a_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = run("wireshark", "install", "--to", str(tmp_path / "file" / "folder"))
    assert (ended.code, ended.out) == (Exit.CANNOT_CREATE, b"")
    assert ended.complaint.endswith(": Not a directory")


def test_the_personal_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run("wireshark", "install").code == Exit.DONE
    assert (tmp_path / ".local/lib/wireshark/plugins" / NAME).exists()


def test_path(run: Run) -> None:
    ended = run("wireshark", "path")
    assert (ended.code, ended.out.decode()) == (Exit.DONE, f"{DISSECTOR}\n")


def test_an_action_that_is_none(run: Run) -> None:
    ended = run("wireshark", "remove")
    assert ended.code == Exit.USAGE
    assert "magic wireshark --help" in ended.complaint


def test_no_action(run: Run) -> None:
    ended = run("wireshark")
    assert (ended.code, ended.out) == (Exit.USAGE, b"")
    assert ended.complaint == "magic: missing command (see magic wireshark --help)"
