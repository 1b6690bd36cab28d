"""The command line: which chapters, how long, and where the figures go."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import benchmarks.capture.chapter
import benchmarks.codec.chapter
import benchmarks.gateway.chapter
import benchmarks.library.chapter
import benchmarks.servers.chapter
import benchmarks.startup
from benchmarks.programs import MissingPeerError
from benchmarks.tables import Table, as_json, as_text, refreshed

__all__ = ["main"]


class _Chapter(Protocol):
    def __call__(self, *, quick: bool) -> Iterable[Table]: ...


_CHAPTERS: dict[str, _Chapter] = {
    "codec": benchmarks.codec.chapter.tables,
    "startup": benchmarks.startup.tables,
    "gateway": benchmarks.gateway.chapter.tables,
    "library": benchmarks.library.chapter.tables,
    "servers": benchmarks.servers.chapter.tables,
    "capture": benchmarks.capture.chapter.tables,
}

_BEGIN = "<!-- figures: begin -->"
_END = "<!-- figures: end -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "chapters",
        nargs="*",
        metavar="CHAPTER",
        help=f"what to measure: {', '.join(_CHAPTERS)} (default: all)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="prove that it works, in under a minute"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="put the tables between the markers of a page",
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.chapters) - set(_CHAPTERS):
        parser.error(f"no such chapter: {', '.join(sorted(unknown))}")

    tables: list[Table] = []
    for name in options.chapters or _CHAPTERS:
        try:
            for table in _CHAPTERS[name](quick=options.quick):
                print(as_text(table), flush=True)
                tables.append(table)
        except MissingPeerError as missing:
            print(f"{name}: not measured, {missing}", file=sys.stderr)
            return 69

    if options.json is not None:
        said = {"machine": _machine(), "tables": [as_json(table) for table in tables]}
        options.json.write_text(json.dumps(said, indent=2) + "\n")
    if options.markdown is not None:
        _refresh(options.markdown, tables)
    return 0


def _machine() -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" {platform.machine()}"
    )


def _refresh(page: Path, tables: Sequence[Table]) -> None:
    """Replace the tables of what was measured, between the markers of *page*."""
    before, begin, rest = page.read_text().partition(_BEGIN)
    figures, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{page} has no {_BEGIN} … {_END}")
    known = figures.strip() or f"{_machine()}."
    page.write_text(f"{before}{begin}\n\n{refreshed(known, tables)}\n{end}{after}")


if __name__ == "__main__":
    sys.exit(main())
