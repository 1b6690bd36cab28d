"""`magic inspect` from end to end: captures in, and what each output says of them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sslmagic.capture.verdict import Verdict
from sslmagic.layout import Layout
from sslmagic.wire import Learnt, encode
from sslmagic_cli.exits import Exit
from sslmagic_cli.inspect import command
from tests.sslmagic.capture.made import CLIENT, PREAMBLE, START, hello
from tests.sslmagic.wire.layouts import FOUR, LAYOUTS
from tests.sslmagic_cli.inspect.captured import Talk, both_sides, capture, mixed
from tests.vectors.vector import vectors

Run = Callable[..., Any]

MS = 1_000_000
VERDICTS = [
    *("ok", "ok", "missing", "checksum", "oversize", "nested", "local", "source"),
    *("truncated", "silent", "late", "ok"),
]


@pytest.fixture
def node(tmp_path: Path) -> str:
    return capture(tmp_path / "node.pcap", mixed())


@pytest.fixture
def sides(tmp_path: Path) -> list[str]:
    both = [both_sides(n, START + n * 50 * MS) for n in range(1, 6)]
    return [
        capture(tmp_path / "b.pcap", [front for front, _ in both]),
        capture(tmp_path / "a.pcap", [back for _, back in both]),
    ]


def listed(ended: Any) -> list[dict[str, Any]]:
    assert ended.err == b""
    found: list[dict[str, Any]] = json.loads(ended.out)["connections"]
    return found


def test_rows_and_totals(run: Run, node: str) -> None:
    ended = run("inspect", node)
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    lines = ended.out.decode().splitlines()
    rows = [line for line in lines if re.match(" +[0-9]+  0", line)]
    assert [row.split()[-1] for row in rows] == VERDICTS
    said = "12 connections in 0.434 s, 8 faults, 1 in order that the listener turned"
    assert f"{said} down; 88 packets" in " ".join(lines)
    assert b"octet 55: CRC32C is " in ended.out
    assert ended.out.decode().replace("\n", "").isprintable()


def test_json(run: Run, node: str) -> None:
    ended = run("inspect", node, "--json")
    document = json.loads(ended.out)
    assert [one["verdict"] for one in document["connections"]] == VERDICTS
    assert document["totals"]["connections"] == 12
    assert document["totals"]["packets"]["packets"] == 88
    lines = run("inspect", node, "--jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == document["connections"]


def test_csv_parquet_and_html_at_once(run: Run, node: str, tmp_path: Path) -> None:
    html, parquet = tmp_path / "a.html", tmp_path / "a.parquet"
    ended = run(
        *("inspect", node, "--csv", "--html", str(html), "--parquet", str(parquet))
    )
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    rows = list(csv.DictReader(io.StringIO(ended.out.decode(), newline="")))
    assert [row["verdict"] for row in rows] == VERDICTS
    assert html.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert parquet.read_bytes()[:4] == b"PAR1"


def test_one_connection(run: Run, node: str) -> None:
    ended = run("inspect", node, "--connection", "4")
    assert b"checksum  octet 55" in ended.out
    assert b"does not match" in ended.out
    assert run("inspect", node, "--connection", "4", "--check").code == Exit.DATA
    ended = run("inspect", node, "--connection", "4", "--json")
    assert json.loads(ended.out)["verdict"] == "checksum"
    ended = run("inspect", node, "--connection", "99")
    assert (ended.code, ended.complaint) == (
        Exit.USAGE,
        "magic: there is no connection 99",
    )


def test_check(run: Run, node: str, sides: list[str]) -> None:
    assert run("inspect", node, "--check").code == Exit.DATA
    assert run("inspect", node, "--check", "--verdict", "ok").code == Exit.DONE
    # The clients of a gateway send no preamble, and nothing is wrong with that.
    assert run("inspect", *sides, "--check").code == Exit.DONE
    assert run("inspect", sides[0], "--check").code == Exit.DATA


def test_only_fronts_that_are_chosen_are_no_faults(
    run: Run, tmp_path: Path, sides: list[str]
) -> None:
    # Of pairs of which one side is chosen, the other side counts for nothing.
    backs = run("inspect", *sides, "--check", "--peer", "10.0.0.5")
    assert (backs.code, b"5 connections in " in backs.out) == (Exit.DONE, True)
    assert b", no fault;" in backs.out
    fronts = run("inspect", *sides, "--check", "--peer", CLIENT.host)
    assert fronts.code == Exit.DONE
    assert b"no fault, 5 fronts of a gateway;" in fronts.out
    broken = Talk([b"PROXY nonsense\r\n"], opened=START)
    fault = capture(tmp_path / "c.pcap", [broken])
    for options in ([], ["--peer", "10.0.0.5"]):
        ended = run("inspect", *sides, fault, "--check", *options)
        assert (ended.code, b", 1 fault" in ended.out) == (Exit.DATA, True)
    document = json.loads(
        run("inspect", *sides, fault, "--json", "--peer", "10.0.0.5").out
    )
    assert (document["totals"]["faults"], document["totals"]["fronts"]) == (1, 0)
    report = tmp_path / "a.html"
    for peer, said in ((CLIENT.host, 5), ("10.0.0.5", 0)):
        run("inspect", *sides, "--html", str(report), "--peer", peer)
        page = report.read_text("utf-8")
        assert ("front of a gateway" in page) is bool(said)


def test_totals_alone(run: Run, node: str) -> None:
    document = json.loads(run("inspect", node, "--json", "--totals").out)
    assert (document["connections"], document["totals"]["connections"]) == ([], 12)


def test_a_front_is_called_so_where_the_other_side_is_there(
    run: Run, process: Run, sides: list[str]
) -> None:
    rows = run("inspect", *sides).out.splitlines()[1:11]
    assert [row.split()[-1] for row in rows] == [b"front"] * 5 + [b"ok"] * 5
    # A front is no fault: where those alone are asked for it has no row.
    assert run("inspect", *sides, "--faults").out.splitlines()[1] == b""
    rows = run("inspect", sides[0]).out.splitlines()[1:11]
    assert [row.split()[-1] for row in rows[::2]] == [b"missing"] * 5
    # What is live may have its other side still to come.
    live = process("inspect", "-", octets=Path(sides[0]).read_bytes())
    assert live.out.count(b"clients' side of a gateway") == 5


def test_standard_input_that_is_closed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    ended = run("inspect", "-")
    assert (ended.code, ended.out) == (Exit.NO_INPUT, b"")
    assert ended.complaint == "magic: standard input is closed"


def test_both_sides_of_a_gateway(run: Run, sides: list[str]) -> None:
    ended = run("inspect", *sides)
    assert b"no fault, 5 fronts of a gateway" in ended.out
    assert re.search(rb"203.0.113.9:50003 +10.0.0.5:40003", ended.out)
    document = json.loads(run("inspect", *sides, "--json").out)
    assert [pair["words"] for pair in document["pairs"]] == [
        f"client 203.0.113.9:5000{n} became node connection 10.0.0.5:4000{n}"
        for n in range(1, 6)
    ]
    pairs = {one["number"]: one["pair"] for one in document["connections"]}
    assert pairs == {n: n + 5 if n < 6 else n - 5 for n in range(1, 11)}
    assert document["totals"]["faults"] == 0
    # A pair is found also where one of its sides is not asked for.
    ended = run("inspect", *sides, "--json", "--client", "203.0.113.9")
    document = json.loads(ended.out)
    assert len(document["connections"]) == len(document["pairs"]) == 5


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        # The last one is in order, and the listener answers HTTP 400.
        (["--faults"], [3, 4, 5, 6, 8, 9, 10, 11, 12]),
        (["--verdict", "late", "--verdict", "silent"], [10, 11]),
        (["--client", "2001:db8::/32"], [2]),
        (["--peer", "10.0.0.5", "--verdict", "local"], [7]),
        (["--peer", "10.0.0.6"], []),
        (["--listener", ":8443", "--sni", "*health*"], [7]),
        (["--listener", "10.0.1.7:1"], []),
        (["--format", "proxy2"], [2, 4]),
        (["--format", "none", "--sni", "shop.*"], [3]),
        (["--since", "2026-11-27T01:00:00.370Z"], [11, 12]),
        (["--until", "2026-11-27T02:00:00.037+01:00"], [1]),
    ],
)
def test_filters(run: Run, node: str, options: list[str], numbers: list[int]) -> None:
    found = listed(run("inspect", node, "--json", *options))
    assert [one["number"] for one in found] == numbers


@pytest.mark.parametrize(
    ("options", "number", "verdict"),
    [
        (["--accept", "magic"], 2, "format"),
        (["--trust", "10.0.9.0/24"], 1, "peer"),
        (["--trust", "10.0.0.0/24"], 1, "ok"),
        (["--direct", "10.0.0.5"], 3, "direct"),
        (["--trust", "10.0.9.0/24", "--others", "direct"], 3, "direct"),
        (["--allow-loopback-source"], 8, "ok"),
        (["--protocol", "ssl"], 12, "hello"),
        (["--deadline", "0.001"], 1, "timeout"),
        (["--limit", "20"], 1, "oversize"),
        (["--local", "direct"], 7, "ok"),
    ],
)
def test_the_judge_is_the_node_that_is_asked_for(
    run: Run, node: str, options: list[str], number: int, verdict: str
) -> None:
    found = listed(run("inspect", node, "--json", *options))
    assert found[number - 1]["verdict"] == verdict


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--json", "--csv"], "--json, --jsonl and --csv are three outputs: give one"),
        (["--since", "yesterday"], "'yesterday' is no time like"),
        (["--listener", "unix:/a"], "no capture has a UNIX socket in it"),
        (["--client", "10.0.0.1/8"], "has host bits set"),
        (["--verdict", "fine"], "'fine' is not one of"),
        (["--totals", "--jsonl"], "--jsonl and --csv have no totals"),
        (["--totals", "--csv"], "--jsonl and --csv have no totals"),
        (["--html", "-"], "--html wants a file: - is none"),
        (["--parquet", "-"], "--parquet wants a file: - is none"),
        (["--others", "direct"], "--others direct: everybody is trusted, say --trust"),
        *(
            (["--connection", "1", *more], f"--connection shows one: {more[0]} is for")
            for more in (
                *(["--csv"], ["--html", "a.html"], ["--parquet", "a.parquet"]),
                *(["--totals"], ["--pairs"], ["--faults"], ["--verdict", "ok"]),
                *(["--client", "::/0"], ["--peer", "::/0"], ["--listener", ":1"]),
                *(["--sni", "*"], ["--format", "none"], ["--since", "1970-01-01"]),
                ["--until", "2100-01-01"],
            )
        ),
    ],
)
def test_usage(run: Run, node: str, options: list[str], words: str) -> None:
    ended = run("inspect", node, *options)
    assert (ended.code, ended.out) == (Exit.USAGE, b"")
    assert words in ended.complaint


def test_a_node_that_refuses_who_names_nobody(run: Run, node: str) -> None:
    for options, count in (([], 0), (["--local", "refuse"], 1)):
        wanted = ("--faults", "--verdict", "local", "--check")
        ended = run("inspect", node, *wanted, *options)
        assert ended.code == (Exit.DATA if count else Exit.DONE)
        assert ended.out.count(b"the preamble names no client") == count


def test_a_node_without_keys(run: Run, tmp_path: Path) -> None:
    signed = next(
        vector.wire
        for vector in vectors()
        if vector.valid and vector.decoded and vector.decoded["proof"]
    )
    name = capture(tmp_path / "a.pcap", [Talk([signed + hello()])])
    (one,) = listed(run("inspect", name, "--json"))
    assert (one["verdict"], one["preamble"]["proof"]["verified"]) == ("ok", False)
    (one,) = listed(run("inspect", name, "--json", "--unsigned"))
    assert (one["verdict"], one["client"]) == ("proof", None)


def test_gzip_and_standard_input(process: Run, node: str, tmp_path: Path) -> None:
    octets = Path(node).read_bytes()
    packed = tmp_path / "a.pcap.gz"
    packed.write_bytes(gzip.compress(octets))
    from_file = process("inspect", str(packed), "--jsonl").out
    from_pipe = process("inspect", "-", "--jsonl", octets=octets).out
    assert len(from_file.splitlines()) == 12
    assert from_pipe.replace(b'"-"', b"") == from_file.replace(
        json.dumps(str(packed)).encode(), b""
    )


@pytest.mark.parametrize(
    "more", [(), ("--totals",), ("--connection", "1"), ("--json",), ("--csv",)]
)
def test_the_bar_is_gone_before_anything_is_said(
    terminal: Run, node: str, more: tuple[str, ...]
) -> None:
    """Both on one terminal, as where a person types."""
    ended = terminal("inspect", node, *more, whole=True)
    assert ended.code == Exit.DONE
    bar, shown, said = ended.out.partition(b"\x1b[?25h")
    assert shown
    assert not re.sub(rb"\x1b\[[?0-9]*[A-Za-z]|\r|\n", b"", bar)
    assert b"connection" in said or b"number" in said


@pytest.mark.parametrize("more", [(), ("--json",), ("--csv",), ("--totals",)])
def test_of_what_is_no_capture_nothing_is_shown(
    run: Run, tmp_path: Path, more: tuple[str, ...]
) -> None:
    (tmp_path / "notes").write_text("a text")
    ended = run("inspect", str(tmp_path / "notes"), *more)
    assert (ended.code, ended.out) == (Exit.DATA, b"")
    assert "notes: " in ended.complaint


def test_lines_of_json_leave_no_room_for_a_bar(terminal: Run, node: str) -> None:
    ended = terminal("inspect", node, "--jsonl", whole=True)
    assert (ended.code, b"\x1b" in ended.out) == (Exit.DONE, False)
    assert [json.loads(line)["number"] for line in ended.out.splitlines()]


def test_a_terminal_gets_colours_and_nothing_else(terminal: Run, node: str) -> None:
    ended = terminal("inspect", node, columns=80)
    assert b"\x1b[1;32m203.0.113.9:51234" in ended.out
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", ended.out)
    text = plain.decode()
    assert text.replace("\n", "").isprintable()
    assert max(map(len, text.splitlines())) <= 80


def test_verdicts_are_all_offered() -> None:
    (choice,) = [one.type for one in command.params if one.name == "verdicts"]
    assert set(choice.choices) == set(Verdict)  # type: ignore[attr-defined]


def test_help_loads_no_reader_of_captures() -> None:
    said = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sslmagic_cli", "inspect", "--help"],
        env=os.environ,
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    assert "CAPTURE..." in said.stdout
    assert "sslmagic.capture.conversations" not in said.stderr
    assert "pyarrow" not in said.stderr


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_a_learnt_layout_is_one_more_format(
    run: Run, tmp_path: Path, layout: Learnt
) -> None:
    file = tmp_path / "learnt.toml"
    file.write_text(Layout(str(layout), layout.variants).text(), "utf-8")
    octets = encode(FOUR, layout) + hello()
    name = capture(tmp_path / "a.pcap", [Talk([octets[:3], octets[3:]])])
    told = ["--layout", str(file)]
    if str(layout) == "text":
        # It starts as PROXY v1 does: only one of them can be accepted.
        told += ["--accept", "text"]
    (said,) = listed(run("inspect", name, "--json", *told))
    assert (said["verdict"], said["format"]) == ("ok", str(layout))
    assert said["client"] == {"host": "203.0.113.9", "port": 51234}
    assert said["tls"]["server_name"] == "shop.example"
    shown = run("inspect", name, "--connection", "1", *told)
    assert b"203.0.113.9" in shown.out
    (said,) = listed(run("inspect", name, "--json"))
    assert said["client"] is None


def test_a_preamble_that_stalls_while_the_capture_goes_on(
    run: Run, tmp_path: Path
) -> None:
    stalled = Talk([encode(PREAMBLE)[:9]], end=0)
    later = Talk([encode(PREAMBLE)], opened=START + 100_000 * MS)
    name = capture(tmp_path / "a.pcap", [stalled, later._replace(peer=CLIENT)])
    for workers in ("1", "2"):
        found = listed(run("inspect", name, "--json", "--workers", workers))
        assert {one["number"]: one["verdict"] for one in found} == {
            1: "timeout",
            2: "ok",
        }
    alone = capture(tmp_path / "b.pcap", [stalled])
    assert listed(run("inspect", alone, "--json"))[0]["verdict"] == "waiting"
