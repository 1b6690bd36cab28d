"""captures/README.md, made from what stands beside the captures."""

from __future__ import annotations

import itertools
from typing import Any

from tests.captures.capture import Capture, captures

__all__ = ["table"]

_HEAD = """# Captures

Small files of packets, each with a `.json` of what a reader must get out of it: for
whoever reads captures, in any language. `magic inspect`, the scapy layers and tshark
with `magic.lua` agree on all of them, and a test holds them to it.

`schema.json` says what each member is. `connections` in the `.json` are members of
what `magic inspect --json` says of each connection; a member that is not there is not
judged, and of a TLV only the members that are there; `about` is for people. `reader`
is what a reader must be told: `peers`, the networks that may send a preamble (anybody
if it is not there), `direct`, those that are clients themselves, `protocol: ssl` where
TLS must follow, and `unsigned` where the listener has no keys. `pairs` says which
connection of this capture, behind a gateway, belongs to which in front of it.

None of it was asked of a reader: crafted ones are known from what was made
(`tests/captures/crafted.py`), real ones from the sockets of both ends
(`tests/captures/real.py`). `make captures` makes all of them again, as root, with the
programs in the table; the crafted ones are then the same octets. All addresses are
those for documentation, all keys were made for one run. The tag of a VLAN in a real one
was put in where it was captured, as on the trunk of a switch.
"""

_TITLES = {"real": "Real traffic", "crafted": "Crafted"}


def table() -> str:
    """Return the whole file."""
    parts = [_HEAD]
    for kind, title in _TITLES.items():
        rows = [_row(one) for one in captures.__wrapped__(kind)]
        parts.append(
            f"\n## {title}\n\n| capture | what | verdicts |\n| --- | --- | --- |"
        )
        parts += [f"\n{row}" for row in rows]
        parts.append("\n")
    return "".join(parts)


def _row(capture: Capture) -> str:
    said = [_verdict(one) for one in capture.connections]
    runs = [(word, len(list(run))) for word, run in itertools.groupby(said)]
    if len(runs) > 6:
        counted = sorted({word: said.count(word) for word in said}.items())
        runs = [(word, count) for word, count in counted]
    words = ", ".join(word if n == 1 else f"{n} x {word}" for word, n in runs)
    return f"| [{capture.name}]({capture.path.name}) | {capture.about} | {words} |"


def _verdict(said: dict[str, Any]) -> str:
    return f"`{said['verdict']}`"
