"""`magic craft`: every option makes a capture, and nothing is written over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapNgReader, RawPcapReader

from sslmagic.capture.conversations import Reader
from sslmagic.capture.judge import Judge
from sslmagic.dissect.faults import FAULTS
from sslmagic.dissect.packets import LINKS, Link
from sslmagic.wire import FORMATS
from sslmagic_cli.exits import Exit
from sslmagic_cli.inspect.record import recorded
from tests.captures.agreement import differences
from tests.sources import PROJECT
from tests.sslmagic_cli.craft.crafted import Run, check_refused, crafted, packets


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.pcapng"


def test_a_connection_with_a_preamble_and_tls(run: Run, out: Path) -> None:
    (said,) = crafted(run, out)
    assert (said["number"], said["verdict"], said["follows"]) == (1, "ok", "tls")
    assert said["client"] == {"host": "203.0.113.9", "port": 51234}
    assert said["tls"]["server_name"] == "shop.example"
    assert len(packets(out)) == said["packets"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_fault_that_a_format_has(run: Run, out: Path, format: str) -> None:
    made = crafted(run, out, "--format", format, "--fault", "all", "--tls", "1.2")
    names = [one.name for one in FAULTS.values() if format in one.formats]
    # The capture ends in it.
    names.append(names.pop(names.index("waiting")))
    assert [one["number"] for one in made] == list(range(1, len(names) + 1))
    for name, said in zip(names, made, strict=True):
        other = {"loss": "unseen", "midway": "unseen", "conflict": "ok"}
        assert said["verdict"] == {**other, "wrong-port": "ok"}.get(name, name)
    assert len({one["peer"]["port"] for one in made}) == len(names)
    judge = Judge(ssl=True)
    reader = Reader([str(out)], wanted=judge.wanted)
    found = sorted(
        map(recorded, map(judge.judge, reader)), key=lambda one: one["number"]
    )
    assert list(differences(made, found)) == []


@pytest.mark.parametrize("link", LINKS)
def test_every_link(run: Run, out: Path, link: Link) -> None:
    crafted(run, out, "--link", link, "--tls", "none")
    reader: Any = RawPcapNgReader(str(out))
    with reader:
        assert {said.linktype for _, said in reader} == {LINKS[link]}


def test_what_a_network_does(run: Run, out: Path) -> None:
    words = ["--segments", "1,5,7", "--reorder", "--duplicate", "--overlap"]
    words += ["--retransmit", "--vlan", "100", "--vlan", "10", "--tls", "none"]
    (said,) = crafted(run, out, *words)
    assert said["vlans"] == [100, 10]
    assert len(packets(out)) == said["packets"]
    (more,) = crafted(run, out, "--segments", "octets", "--tls", "none")
    assert more["packets"] > more["octets"]["peer"]
    crafted(run, out, "--fragments", "48", "--tls", "none")
    assert max(map(len, packets(out))) == 14 + 20 + 48


def test_pcap_and_snaplen(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.pcap"
    (said,) = crafted(run, out, "--snaplen", "60", "--tls", "none")
    assert set(said) == {"number", "peer", "listener", "vlans"}
    with RawPcapReader(str(out)) as reader:
        kept = [(len(octets), said.wirelen) for octets, said in reader]
    assert max(kept)[0] == 60 < max(length for _, length in kept)
    ended = run("craft", "-", "--form", "pcap", "--tls", "none")
    assert ended.out[:4] == b"\x4d\x3c\xb2\xa1"


def test_nothing_is_written_over(run: Run, out: Path) -> None:
    out.write_text("kept")
    ended = run("craft", str(out), "--tls", "none")
    assert (ended.code, out.read_text()) == (Exit.CANNOT_CREATE, "kept")
    assert "is there already (--force writes over it)" in ended.complaint
    ended = run("craft", str(out / "deeper"), "--tls", "none")
    assert ended.code == Exit.CANNOT_CREATE


def test_what_fails_leaves_no_half_behind(run: Run, out: Path) -> None:
    there, fresh = out.with_name("there"), out.with_name("fresh")
    there.write_text("kept")
    quick = ("--tls", "none")
    ended = run("craft", str(fresh), "--expect", str(there), *quick)
    assert (ended.code, there.read_text()) == (Exit.CANNOT_CREATE, "kept")
    assert f"{there}: it is there already" in ended.complaint
    # One that is written over is not emptied for nothing either.
    deeper = str(there / "deeper")
    ended = run("craft", str(there), "--expect", deeper, "--force", *quick)
    assert (ended.code, there.read_text()) == (Exit.CANNOT_CREATE, "kept")
    assert f"{deeper}: Not a directory" in ended.complaint
    # Whose disk is full is said, and devices stay.
    for words in (["/dev/full", "--expect", fresh], [fresh, "--expect", "/dev/full"]):
        ended = run("craft", *map(str, words), "--force", *quick)
        assert ended.code == Exit.CANNOT_CREATE
        assert "/dev/full: No space left on device" in ended.complaint
    assert Path("/dev/full").is_char_device()
    assert list(out.parent.iterdir()) == [there]


def test_what_is_written_over_is_gone(run: Run, out: Path) -> None:
    crafted(run, out, "--tls", "none")
    whole = out.read_bytes()
    out.write_bytes(bytes(100_000))
    crafted(run, out, "--tls", "none")
    assert out.read_bytes() == whole


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "missing argument 'OUT'"),
        (["x", "--snaplen", "99999999999"], "not in the range 1<=x<=262144"),
        (["x", "--expect", "x"], "OUT and --expect are one file"),
        (["x", "--expect", "./x", "--force"], "OUT and --expect are one file"),
        (["-", "--expect", "-"], "OUT and --expect are one file"),
    ],
)
def test_what_cannot_be_asked_for(
    run: Run, words: list[str], what: str, tmp_path: Path
) -> None:
    check_refused(run, words, what, tmp_path)


def test_no_capture_on_a_terminal(terminal: Run) -> None:
    ended = terminal("craft", "-")
    assert (ended.code, ended.out) == (Exit.USAGE, b"")


def test_the_document_s_python_makes_a_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (PROJECT / "docs" / "craft.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "craft.md", "exec"), {})
    assert len(packets(tmp_path / "mine.pcapng")) == 3 + 4 + 1 + 1
