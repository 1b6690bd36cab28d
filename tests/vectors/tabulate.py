"""Write the tables of spec.md section 16: ``python -m tests.vectors.tabulate``."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from tests.vectors.vector import FILES, raw

__all__ = ["BEGIN", "END", "NAMES", "SPEC", "tables"]

SPEC = Path(__file__).resolve().parents[2] / "spec.md"
BEGIN, END = "<!-- vectors: begin -->\n", "<!-- vectors: end -->\n"
NAMES = (*FILES, "proof", "e5")

EXAMPLES = {
    "magic": ("tcp4", "tcp6", "local", "mapped-source"),
    "tlv": ("magic-authority", "magic-only-crc", "magic-ssl-verify"),
    "proxy1": ("tcp4", "unknown"),
    "proxy2": ("tcp4", "aws"),
}
"""Those that are printed in full, by file."""
WIDTH = 48
"""Octets on a line."""


def tables() -> str:
    """Return what stands between the marks."""
    parts = [
        "### 16.1 Examples\n",
        *_examples(),
        "### 16.2 A proof in full\n",
        _proof(),
    ]
    parts += ["### 16.3 Vectors by clause\n", _clauses()]
    return "\n".join(parts)


def _examples() -> list[str]:
    found = []
    for name, ids in EXAMPLES.items():
        for wanted in ids:
            test = next(test for test in raw(name) if test["id"] == wanted)
            said = test["decoded"]
            ends = f"{_end(said['source'])} to {_end(said['destination'])}"
            words = f"{said['format']}, {said['command']} {said['transport']}"
            words += f", {ends}" if said["source"] else ""
            words += "".join(f", {tlv['name']}" for tlv in said["tlvs"])
            found.append(
                f"`{name}.json` {test['id']}: {words}; {said['length']} octets\n\n"
                f"{_hex(test['wire'])}\n"
            )
    return found


def _proof() -> str:
    test = next(test for test in raw("proof") if test["id"] == "bind-2")
    block = test["decoded"]["proof"]
    bound = test["rest"][: 2 * block["bound"]]
    return (
        f"`proof.json` {test['id']}: key id {test['key_id']}, audience"
        f" `{test['audience']}`, bind {test['bind']}, created {block['created']},"
        f" no hop. The key:\n\n{_hex(test['key'])}\n\n"
        f"The ClientHello that follows, {block['bound']} octets:\n\n{_hex(bound)}\n\n"
        f"M, {len(test['message']) // 2} octets:\n\n{_hex(test['message'])}\n\n"
        f"The tag, and the whole preamble of {len(test['wire']) // 2} octets:\n\n"
        f"{_hex(test['tag'])}\n\n{_hex(test['wire'])}\n"
    )


def _clauses() -> str:
    rows: dict[str, dict[str, list[str]]] = {}
    for name in NAMES:
        for test in raw(name):
            kept = "valid" if test["result"] == "valid" else "refused"
            row = rows.setdefault(test["rule"], {"valid": [], "refused": []})
            row[kept].append(f"{name}/{test['id']}")
    total = sum(len(ids) for row in rows.values() for ids in row.values())
    lines = [
        f"{total} vectors. Each clause with how many keep it and how many break it,"
        " and the first of each.\n",
        "| clause | valid | refused | such as |",
        "| --- | ---: | ---: | --- |",
    ]
    for rule in sorted(rows, key=_order):
        row = rows[rule]
        firsts = [ids[0] for ids in row.values() if ids]
        lines.append(
            f"| {rule} | {len(row['valid'])} | {len(row['refused'])} |"
            f" {', '.join(f'`{first}`' for first in firsts)} |"
        )
    return "\n".join(lines) + "\n"


def _order(rule: str) -> tuple[int, int]:
    return "MATPELH".index(rule[0]), int(rule[1:])


def _end(end: dict[str, Any] | None) -> str:
    if end is None:
        return "nobody"
    if "path" in end:
        return f"unix:{end['path']}"
    host = f"[{end['host']}]" if ":" in end["host"] else end["host"]
    return f"{host}:{end['port']}"


def _hex(octets: str) -> str:
    lines = re.findall(f".{{1,{2 * WIDTH}}}", octets)
    return "\n".join(f"    {line}" for line in lines)


def main() -> int:
    """Put the tables in their place."""
    page = SPEC.read_text("utf-8")
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    SPEC.write_text(pattern.sub(lambda _: tables(), page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
