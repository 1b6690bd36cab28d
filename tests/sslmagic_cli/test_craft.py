"""craft.py: every option makes a capture, and nothing is written over."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
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
from tests.captures.capture import SCHEMA
from tests.sources import PROJECT

Run = Callable[..., Any]


def packets(file: Path) -> list[bytes]:
    with RawPcapNgReader(str(file)) as reader:
        return [octets for octets, _ in reader]


def crafted(run: Run, out: Path, *words: str) -> list[dict[str, Any]]:
    expect = out.with_suffix(".json")
    ended = run("craft", str(out), "--expect", str(expect), "--force", *words)
    assert ended == (Exit.DONE, b"", b"")
    said = json.loads(expect.read_text())
    jsonschema.validate(said, json.loads(SCHEMA.read_text("utf-8")))
    connections: list[dict[str, Any]] = said["connections"]
    return connections


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


def test_the_capture_ends_in_those_that_wait(run: Run, out: Path) -> None:
    words = ["--fault", "waiting", "--fault", "missing", "--count", "3", "--tls", "1.2"]
    made = crafted(run, out, *words)
    verdicts = [one["verdict"] for one in made]
    assert verdicts == ["missing"] * 3 + ["waiting"] * 3
    reader: Any = RawPcapNgReader(str(out))
    with reader:
        times = [said.tshigh << 32 | said.tslow for _, said in reader]
    last = [at for at in times if at > times[-1] - 5_000_000_000]
    assert len(last) == sum(one["packets"] for one in made[3:])
    judge = Judge()
    found = map(recorded, map(judge.judge, Reader([str(out)], wanted=judge.wanted)))
    ordered = sorted(found, key=lambda one: one["number"])
    assert list(differences(made, ordered)) == []


def test_faults_are_listed(run: Run) -> None:
    ended = run("craft", "--list-faults")
    lines = ended.out.decode().splitlines()
    assert [line.split()[0] for line in lines] == list(FAULTS)
    assert "checksum    a wrong CRC32C (magic, proxy2)" in lines


def test_who_takes_part(run: Run, out: Path) -> None:
    ends = ["--source", "198.51.100.7:5", "--destination", "198.51.100.8:6"]
    ends += ["--peer", "[2001:db8::1]:7", "--listener", "[2001:db8::2]:8"]
    (said,) = crafted(run, out, *ends, "--tls", "none", "--format", "proxy1")
    assert said["client"] == {"host": "198.51.100.7", "port": 5}
    assert said["preamble"]["destination"] == {"host": "198.51.100.8", "port": 6}
    assert said["peer"] == {"host": "2001:db8::1", "port": 7}
    assert said["follows"] == "http"
    (said,) = crafted(run, out, "--ipv6", "--local", "--tls", "none")
    assert (said["verdict"], said["client"]) == ("local", None)
    assert said["listener"] == {"host": "2001:db8:b::10", "port": 8443}
    (said,) = crafted(run, out, "--source", "unix:/run/client", "--tls", "none")
    assert said["verdict"] == "source"


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


def test_the_same_seed_makes_the_same_octets(run: Run, out: Path) -> None:
    words = ["--count", "3", "--reorder", "--tls", "none", "--seed"]
    made = []
    for seed in "778":
        crafted(run, out, *words, seed)
        made.append(out.read_bytes())
    assert made[0] == made[1] != made[2]


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


@pytest.mark.parametrize("name", ["münchen.de", "ex_ample.example", ""])
def test_the_name_that_is_expected_is_the_one_sent(
    run: Run, out: Path, name: str
) -> None:
    expected = crafted(run, out, "--server-name", name, "--alpn", "h2")
    judge = Judge()
    found = [
        recorded(judge.judge(one)) for one in Reader([str(out)], wanted=judge.wanted)
    ]
    assert list(differences(expected, found)) == []
    sent = {"münchen.de": "xn--mnchen-3ya.de", "": None}.get(name, name)
    assert found[0]["tls"]["server_name"] == sent


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ([], "missing argument 'OUT'"),
        (["x", "--fault", "nonsense"], "no fault is called 'nonsense'"),
        (["x", "--format", "proxy1", "--fault", "tlv"], "proxy1 has no fault tlv"),
        (["x", "--segments", "1,x"], "'1,x' is not 1,5,7 or octets"),
        (["x", "--segments", "0"], "at least 1 octet"),
        (["x", "--vlan", "10", "--link", "raw"], "raw has no VLANs"),
        (["x", "--fragments", "30"], "a multiple of 8"),
        (["x", "--local", "--source", "192.0.2.1:5"], "--local names no"),
        (["x", "--peer", "unix:/run/x"], "packets have IP addresses"),
        (["x", "--peer", "192.0.2.1:5", "--listener", "[::1]:5"], "no common IP"),
        (["x", "--fault", "late", "--tls", "none"], "late is said of TLS"),
        (["x", "--segments", "99999999999"], "at most 65000 octets"),
        (["x", "--snaplen", "99999999999"], "not in the range 1<=x<=262144"),
        (["x", "--server-name", "-bad-"], "'-bad-' is no name of DNS"),
        (["x", "--server-name", "/"], "'/' is no name of DNS"),
        (["x", "--server-name", "192.0.2.1"], "'192.0.2.1' is no name of DNS"),
        (["x", "--server-name", "a" * 300], "is no name of DNS"),
        (["x", "--alpn", ""], "'' has not 1 to 255 octets"),
        (["x", "--alpn", "a" * 256], "has not 1 to 255 octets"),
        (["x", *["--alpn", "a" * 255] * 33], "more than 8192 octets"),
        (["x", "--expect", "x"], "OUT and --expect are one file"),
        (["x", "--expect", "./x", "--force"], "OUT and --expect are one file"),
        (["-", "--expect", "-"], "OUT and --expect are one file"),
        (
            ["x", "--peer", "192.0.2.10:8442", "--count", "2"],
            "192.0.2.10:8443 would connect to itself",
        ),
        (
            [
                "x",
                "--fault",
                "loss",
                "--tls",
                "none",
                "--segments",
                "99",
                "--end",
                "open",
            ],
            "cut the preamble smaller",
        ),
    ],
)
def test_what_cannot_be_asked_for(
    run: Run,
    words: list[str],
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = run("craft", *words)
    assert ended.code == Exit.USAGE
    assert what in ended.complaint
    assert list(tmp_path.iterdir()) == []


def test_no_capture_on_a_terminal(terminal: Run) -> None:
    ended = terminal("craft", "-")
    assert (ended.code, ended.out) == (Exit.USAGE, b"")


@pytest.mark.parametrize("missing", ["scapy", "trustme"])
def test_a_missing_extra_is_named(
    run: Run, out: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == missing or (
            missing == "scapy" and name == "sslmagic.dissect.packets"
        ):
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    ended = run("craft", str(out))
    assert ended.code == Exit.UNAVAILABLE
    assert f"needs {missing}: pip install 'sslmagic[craft]'" in ended.complaint
    assert not out.exists()


def test_the_document_has_every_fault() -> None:
    text = (PROJECT / "docs" / "craft.md").read_text("utf-8")
    rows = text.split("<!-- faults: begin -->")[1].split("<!-- faults: end -->")[0]
    assert rows.strip().splitlines()[2:] == [
        f"| `{one.name}` | {one.about} |"
        f" {'all' if one.formats == FORMATS else ', '.join(one.formats)} |"
        for one in FAULTS.values()
    ]


def test_the_document_s_python_makes_a_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (PROJECT / "docs" / "craft.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "craft.md", "exec"), {})
    assert len(packets(tmp_path / "mine.pcapng")) == 3 + 4 + 1 + 1
