"""Every chapter in its quick mode, on the peers that are installed."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.peers import needs

_SECONDS = 120
"""A quick chapter takes 3 to 30 s on two cores that do nothing else."""

_TABLES = {
    "codec": 5,
    "startup": 1,
    "gateway": 7,
    "library": 4,
    "servers": 6,
    "capture": 1,
}


def _measure(chapter: str, tmp_path: Path) -> list[dict[str, object]]:
    figures, page = tmp_path / "figures.json", tmp_path / "page.md"
    page.write_text("before\n<!-- figures: begin -->old<!-- figures: end -->after\n")
    said = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", chapter, "--quick"),
            *("--json", figures, "--markdown", page),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    tables: list[dict[str, object]] = json.loads(figures.read_text())["tables"]
    for table in tables:
        assert str(table["title"]) in said.stdout
        assert f"### {table['title']}\n" in page.read_text()
        assert table["rows"]
        assert table["figures"]
    assert page.read_text().startswith("before\n<!-- figures: begin -->\n")
    assert page.read_text().endswith("<!-- figures: end -->after\n")
    assert len(tables) == _TABLES[chapter]
    return tables


def _rows(table: dict[str, object]) -> dict[str, list[str]]:
    rows = table["rows"]
    assert isinstance(rows, list)
    return {row[0]: row[1:] for row in rows}


@pytest.mark.timeout(_SECONDS)
def test_codecs_are_measured_beside_three_peers(tmp_path: Path) -> None:
    needs("go", "go-proxyproto")
    for module in ("proxyprotocol", "twisted"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install '.[bench]'")
    decode, *_, encode = _measure("codec", tmp_path)
    assert {"magic TCP4", "proxy2 TCP4", "proxy1 TCP4"} == set(_rows(decode))
    assert all(all(cells) for cells in _rows(decode).values())
    assert all(cells[-1] == "" for cells in _rows(encode).values())


@pytest.mark.timeout(_SECONDS)
def test_the_commands_start_is_measured(tmp_path: Path) -> None:
    (table,) = _measure("startup", tmp_path)
    assert _rows(table)["python -c pass"][1] == "1.00"
    assert "magic encode" in _rows(table)


@pytest.mark.timeout(_SECONDS)
def test_the_gateway_is_measured_beside_haproxy_and_nginx(tmp_path: Path) -> None:
    needs("haproxy", "nginx-stream", "wrk", "strace", "go", "go-proxyproto", "openssl")
    tables = _measure("gateway", tmp_path)
    ours = [_rows(table).get("magic gateway") for table in tables]
    titles = [str(table["title"]) for table in tables]
    calls = next(i for i, title in enumerate(titles) if title.startswith("System"))
    formats = next(i for i, title in enumerate(titles) if "by format" in title)
    assert float(_rows(tables[calls])["all"][0]) > 5
    assert set(_rows(tables[formats])) == {"magic", "proxy2", "proxy1", "none"}
    assert all(
        row is not None for i, row in enumerate(ours) if i not in (calls, formats)
    )


@pytest.mark.timeout(_SECONDS)
def test_the_library_is_measured_beside_the_loops_own_servers(tmp_path: Path) -> None:
    needs("wrk", "openssl")
    for table in _measure("library", tmp_path):
        with_preamble = {"sslmagic.streams", "sslmagic.streams, silent"}
        assert set(_rows(table)) == {"the loop's own server"} | with_preamble


@pytest.mark.timeout(_SECONDS)
def test_python_servers_are_measured_beside_themselves(tmp_path: Path) -> None:
    needs("wrk", "openssl")
    for table in _measure("servers", tmp_path):
        rows = {"its own start", "its own start, again", "sslmagic.servers"}
        assert set(_rows(table)) == rows


@pytest.mark.timeout(_SECONDS)
def test_captures_are_read_beside_tshark(tmp_path: Path) -> None:
    needs("tshark")
    (table,) = _measure("capture", tmp_path)
    readers = _rows(table)
    assert readers["tshark -T fields"][1] == "1.00"
    assert readers["tshark -z conv,tcp"][2] == "1.00"
    assert {"magic inspect --totals", "reading alone", "a bare loop"} <= set(readers)
