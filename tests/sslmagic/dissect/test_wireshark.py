"""wireshark.py: the dissector goes where Wireshark looks, and over nobody's file."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from sslmagic.dissect import wireshark
from sslmagic.dissect.wireshark import DISSECTOR, NAME, Change
from tests.interop.peers import needs, program
from tests.sslmagic.dissect.connections import Connections
from tests.sslmagic.dissect.shark import NOBODY

VERSION = version("sslmagic")


def test_the_dissector_is_of_the_version_of_the_package() -> None:
    text = DISSECTOR.read_text("utf-8")
    assert text.startswith(f"-- sslmagic dissector {VERSION}\n")
    assert f'local VERSION = "{VERSION}"' in text


def test_installing_twice_and_removing_twice(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    path = folder / NAME
    assert wireshark.install(folder) == Change(path, None, VERSION)
    assert path.read_bytes() == DISSECTOR.read_bytes()
    assert list(folder.iterdir()) == [path]
    assert wireshark.install(folder) == Change(path, VERSION, VERSION)
    assert wireshark.remove(folder) == Change(path, VERSION, None)
    assert list(folder.iterdir()) == []
    assert wireshark.remove(folder) == Change(path, None, None)


def test_an_older_one_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("-- sslmagic dissector 0.0.1\nold()\n")
    assert wireshark.install(tmp_path) == Change(path, "0.0.1", VERSION)
    assert path.read_bytes() == DISSECTOR.read_bytes()


@pytest.mark.parametrize("octets", [b"", b"local p = Proto('x')\n", b"\xff\0"])
def test_a_file_that_is_not_ours_stays(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / NAME
    path.write_bytes(octets)
    for act in (wireshark.install, wireshark.remove):
        with pytest.raises(FileExistsError, match="not sslmagic's"):
            act(tmp_path)
        assert path.read_bytes() == octets


def test_the_folder_without_tshark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("HOME", "/home/somebody")
    found = wireshark.personal_folder()
    assert found == Path("/home/somebody/.local/lib/wireshark/plugins")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("APPDATA", "/appdata")
    assert wireshark.personal_folder() == Path("/appdata/Wireshark/plugins")


def test_a_tshark_that_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", "/home/somebody")
    tshark = tmp_path / "tshark"
    for text, expected in (
        ("#!/bin/sh\nexit 1\n", "/home/somebody/.local/lib/wireshark/plugins"),
        ("no program", "/home/somebody/.local/lib/wireshark/plugins"),
        ("#!/bin/sh\necho 'Personal Lua Plugins:\t/my plugins'\n", "/my plugins"),
    ):
        tshark.write_text(text)
        tshark.chmod(0o755)
        assert wireshark.personal_folder() == Path(expected)


def test_tshark_loads_what_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("tshark")
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = wireshark.personal_folder()
    assert folder.is_relative_to(tmp_path)
    wireshark.install(folder)
    said = subprocess.run(
        [program("tshark") or "", "-G", "plugins"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
        env={**NOBODY, "HOME": str(tmp_path)},
    ).stdout
    (line,) = (line for line in said.splitlines() if line.endswith(f"/{NAME}"))
    assert line.split("\t")[1] == VERSION
    # The document's other way, by name, is no second protocol beside it.
    connections = Connections()
    connections.add(9443, [bytes.fromhex("cd030300074d41474910 0000")])
    ended = subprocess.run(
        [
            *(program("tshark") or "", "-X", f"lua_script:{DISSECTOR}"),
            *("-r", str(connections.write(tmp_path / "one.pcap")), "-Y", "sslmagic"),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
        env={**NOBODY, "HOME": str(tmp_path)},
    )
    assert "Lua" not in ended.stderr
    assert len(ended.stdout.splitlines()) == 1
