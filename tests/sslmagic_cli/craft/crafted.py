"""Captures that `magic craft` wrote, and what it says of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
from scapy.utils import RawPcapNgReader

from sslmagic_cli.exits import Exit
from tests.captures.capture import SCHEMA

__all__ = ["Run", "check_refused", "crafted", "packets"]

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


def check_refused(run: Run, words: list[str], what: str, directory: Path) -> None:
    """Checks that *words* are refused with *what*, and leave no file in *directory*."""
    with contextlib.chdir(directory):
        ended = run("craft", *words)
    assert ended.code == Exit.USAGE
    assert what in ended.complaint
    assert list(directory.iterdir()) == []
