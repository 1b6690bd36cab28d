"""docs/inspect.md: what it shows is what the command says, and its queries run."""

# pyright: standard
# duckdb says little of its types.

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sslmagic.capture.verdict import MEANINGS
from sslmagic.wire import encode
from sslmagic_cli.inspect import command
from sslmagic_cli.inspect.record import recorded
from tests.sources import PROJECT
from tests.sslmagic.capture.made import PREAMBLE, hello, judged

PAGE = (PROJECT / "docs" / "inspect.md").read_text("utf-8")
CONSOLE = re.findall(r"^```console\n\$ (.*)\n([^`]*)^```$", PAGE, re.MULTILINE)
QUERIES = re.findall(r"^```sql\n([^`]*)^```$", PAGE, re.MULTILINE)
CHANGING = re.compile(r"\b[0-9a-f]{2}\b|[0-9]+(?:\.[0-9]+)?| +")
"""Octets, ports and times: of traffic that may be recorded anew."""


def magic(words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "sslmagic_cli", *shlex.split(words)],
        cwd=PROJECT,
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    ).stdout


@pytest.mark.parametrize(("line", "shown"), CONSOLE)
def test_what_is_shown_is_what_is_said(line: str, shown: str) -> None:
    said = magic(line.removeprefix("magic "))
    assert CHANGING.sub("", said) == CHANGING.sub("", shown)


def test_every_verdict_is_explained_in_its_own_words() -> None:
    rows = re.findall(r"^\| ([a-z]+) \| (.*) \| (.*) \|$", PAGE, re.MULTILINE)
    shown = {name: (says, do.strip()) for name, says, do in rows if name in MEANINGS}
    assert shown == {str(one): tuple(said) for one, said in MEANINGS.items()}


def test_every_field_is_explained() -> None:
    table = PAGE.partition("| field of a connection | is |")[2].partition("\n\n")[0]
    names = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
    explained = [name for cell in names for name in re.findall(r"`(\w+)`", cell)]
    said = recorded(judged(encode(PREAMBLE) + hello()))
    assert sorted(explained) == sorted(said)
    for part in (said["tls"], said["seconds"]):
        for name in part:
            assert f"`{name}`" in table


def test_every_option_that_is_named_is_there() -> None:
    options = {
        option
        for one in command.params
        for option in one.opts
        if option.startswith("--")
    }
    named = set(re.findall(r"`(--[a-z-]+)", PAGE))
    others = {"--enhance"}
    assert named - others <= options
    assert options - named <= {"--workers", "--pairs", "--connection", "--help"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for number, names in enumerate((["together", "tlvs"], ["proxy2-checksum"])):
        captures = " ".join(f"captures/{name}.pcapng" for name in names)
        path = folder / f"{number}.parquet"
        magic(f"inspect {captures} --totals --parquet {shlex.quote(str(path))}")
    return folder


def answer(query: str, tables: Path) -> list[dict[str, object]]:
    asked = duckdb.sql(query.replace("captures/", f"{tables}/"))
    assert asked is not None
    return [dict(zip(asked.columns, row, strict=True)) for row in asked.fetchall()]


def test_which_listeners_have_which_faults(tables: Path) -> None:
    (query,) = (one for one in QUERIES if "verdict NOT IN" in one)
    (row, *_) = answer(query, tables)
    assert (row["listener_host"], row["verdict"]) == ("192.0.2.10", "checksum")
    assert (row["connections"], row["peers"]) == (1, 1)


def test_whose_preamble_takes_longest(tables: Path) -> None:
    (query,) = (one for one in QUERIES if "quantile_cont" in one)
    rows = answer(query, tables)
    assert {row["format"] for row in rows} >= {"magic", "proxy2"}
    assert all(isinstance(row["nine_of_ten"], float) for row in rows)


def test_who_announces_which_protocol(tables: Path) -> None:
    (query,) = (one for one in QUERIES if "unnest(tlvs)" in one)
    assert answer(query, tables) == [{"said": "h2", "asked": "h2", "connections": 2}]


def test_no_query_is_left_out() -> None:
    assert len(QUERIES) == 3
    assert len(CONSOLE) == 3
