"""Play packets: ``python -m tests.harness [--conversations N] [--seed N] [KIND ...]``.

Needs root. Each of N scripts is a conversation with whoever is asked about, and one
with a plain server. It ends with 1 if two of the kernel's stream, the receiver's
outcome, the capture and the rules of Linux differ.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tables import Table, as_text
from tests.harness.link import LinkError, linked
from tests.harness.relays import RELAYS
from tests.harness.run import KINDS, Ran, relay, run
from tests.interop.peers import PEERS

_SHOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and print what came of it."""
    relays = {one.name: one for one in RELAYS}
    kinds = (*KINDS, *relays)
    parser = argparse.ArgumentParser(prog="python -m tests.harness")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(kinds))
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    said = parser.parse_args(arguments)
    if unknown := set(said.kinds) - set(kinds):
        parser.error(f"no such kind: {', '.join(sorted(unknown))}")
    # Every refusal is logged, and here most of them are on purpose.
    logging.disable(logging.WARNING)
    rans: dict[str, Ran] = {}
    try:
        with linked() as link, tempfile.TemporaryDirectory() as home:
            for kind in said.kinds or kinds:
                number = said.conversations
                if kind in KINDS:
                    rans[kind] = run(link, kind=kind, number=number, seed=said.seed)
                elif all(PEERS[name].present() for name in relays[kind].needs):
                    rans[kind] = relay(
                        link,
                        relays[kind],
                        number=number,
                        seed=said.seed,
                        home=Path(home),
                    )
                else:
                    print(f"{kind}: not installed", file=sys.stderr)  # noqa: T201
    except LinkError as error:
        print(f"python -m tests.harness: {error}", file=sys.stderr)  # noqa: T201
        return 69
    print(as_text(_table(rans)))  # noqa: T201
    for kind, ran in rans.items():
        for difference in ran.report.differences[:_SHOWN]:
            print(f"{kind}: {difference}")  # noqa: T201
    return int(any(ran.report.differences for ran in rans.values()))


def _table(rans: dict[str, Ran]) -> Table:
    return Table(
        title="Conversations played as packets",
        columns=(
            *("to", "scripts", "packets", "accepted", "refused"),
            *("undecided", "differences", "seconds"),
        ),
        rows=[
            [
                kind,
                str(ran.report.compared),
                str(ran.packets),
                str(ran.report.outcomes["accepted"]),
                str(ran.report.compared - ran.report.outcomes["accepted"]),
                str(ran.report.undecided),
                str(len(ran.report.differences)),
                f"{ran.seconds:.1f}",
            ]
            for kind, ran in rans.items()
        ],
        notes=(
            "undecided: no capture tells which octets the kernel kept; the receiver's",
            "outcome was compared with the kernel's stream all the same.",
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
