"""Write the captures: ``python -m tests.captures.generate [--crafted]``.

The real ones are made in network namespaces with the peers that CI has, and need root.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from tests.captures.capture import CAPTURES, SCHEMA
from tests.captures.crafted import CRAFTED
from tests.captures.table import table
from tests.interop.peers import program

__all__ = ["crafted", "main", "written"]

PROGRAMS = "ip", "haproxy", "nginx", "stunnel4", "hitch", "curl"


def crafted() -> dict[str, bytes]:
    """Return what each file of a crafted capture holds."""
    files: dict[str, bytes] = {}
    for name, capture in CRAFTED.items():
        files[f"{name}.pcapng"] = capture.octets()
        files[f"{name}.json"] = written(capture.said())
    return files


def written(said: dict[str, Any]) -> bytes:
    """Return what stands beside a capture, as it stands there."""
    lines = [f" {json.dumps(key)}: {json.dumps(said[key])}" for key in said]
    rows = ",\n  ".join(json.dumps(row) for row in said["connections"])
    at = list(said).index("connections")
    lines[at] = f' "connections": [\n  {rows}\n ]'
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def main(arguments: list[str]) -> int:
    """Write every file, and remove the crafted ones that are made no more."""
    kinds = ["crafted"] if arguments == ["--crafted"] else ["crafted", "real"]
    if "real" in kinds:
        missing = [name for name in PROGRAMS if program(name) is None]
        if os.geteuid():
            missing.insert(0, "root")
        if missing:
            said = (
                f"make captures: real traffic needs {', '.join(missing)};"
                " the crafted ones alone: make captures CAPTURES_ARGS=--crafted"
            )
            print(said, file=sys.stderr)  # noqa: T201
            return 69
    files = crafted()
    if "real" in kinds:
        # Imported here: the crafted ones are made where no peer is installed.
        from tests.captures.real import files as real

        files |= real()
    CAPTURES.mkdir(exist_ok=True)
    for path in {*CAPTURES.glob("*.json")} - {SCHEMA}:
        if json.loads(path.read_text())["kind"] in kinds and path.name not in files:
            path.unlink()
            path.with_suffix(".pcapng").unlink(missing_ok=True)
    for name, octets in files.items():
        (CAPTURES / name).write_bytes(octets)
    (CAPTURES / "README.md").write_text(table(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
