"""tshark with our dissector: what it says of a capture, as values."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sslmagic.dissect.wireshark import DISSECTOR
from tests.interop.peers import program

__all__ = ["NOBODY", "PATIENCE", "Frames", "by_stream", "frames", "said"]

PATIENCE = 50.0

Frames = list[dict[str, list[str]]]

NOBODY = {**os.environ, "HOME": "/nowhere", "XDG_CONFIG_HOME": "/nowhere"}
"""An environment without the user's own settings and plugins."""

_WITH = ["-X", f"lua_script:{DISSECTOR}"]


def said(capture: Path, *options: str, dissector: bool = True) -> str:
    """What tshark prints; what is wrong with a script would stand in it."""
    ended = subprocess.run(
        [
            program("tshark") or "",
            *(_WITH if dissector else ()),
            *("-r", str(capture), "-n", *options),
        ],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
        env=NOBODY,
    )
    noise = [
        line
        for line in ended.stderr.decode().splitlines()
        if line and "could be dangerous" not in line
    ]
    assert noise == []
    return ended.stdout.decode()


def frames(capture: Path, fields: Sequence[str], *options: str) -> Frames:
    """The values of *fields* in each frame that has any of ours or of `_ws.lua`."""
    words = [word for field in (*fields, "_ws.lua.text") for word in ("-e", field)]
    found: Frames = []
    text = said(
        capture,
        *("-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f"),
        *words,
        *options,
    )
    for line in text.splitlines():
        *values, fault = line.split("\t")
        assert fault == "", f"the script failed: {fault}"
        found.append(
            {
                field: value.split("\x1f") if value else []
                for field, value in zip(fields, values, strict=True)
            }
        )
    return found


def by_stream(
    capture: Path, fields: Sequence[str], *options: str
) -> dict[int, dict[str, list[str]]]:
    """The values of *fields* of each TCP stream, over all its frames."""
    streams: dict[int, dict[str, list[str]]] = {}
    for frame in frames(capture, ["tcp.stream", *fields], *options):
        (number,) = frame.pop("tcp.stream")
        stream = streams.setdefault(int(number), {field: [] for field in fields})
        for field, values in frame.items():
            stream[field] += values
    return streams
