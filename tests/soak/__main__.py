"""Soak every server: ``python -m tests.soak [--connections N] [NAME ...]``.

Each one stands behind a real sender for the connections, and alone for the crowd.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import trustme

from benchmarks.gateway.processes import more_descriptors
from benchmarks.tables import Table, as_text
from tests.interop.authority import Authority
from tests.interop.client import REQUEST, ask
from tests.interop.serving.crowd import Crowd, address_of, crowd
from tests.interop.serving.front import FORMATS, SENDERS, in_front
from tests.interop.serving.load import load
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant, serving
from tests.interop.serving.variants import VARIANTS

DEADLINE = 5.0
"""Seconds that a preamble has in the crowd: what a listener gives by default."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Soaked:
    """What one server came to."""

    variant: Variant
    faults: list[str] = dataclasses.field(default_factory=list)
    answered: int = 0
    lost: int = 0
    seconds: float = 0.0
    crowd: Crowd | None = None

    def row(self) -> list[str]:
        rate = f"{self.answered / self.seconds:.0f}" if self.seconds else "-"
        row = [self.variant.name, str(self.answered), str(self.lost), rate]
        if (seen := self.crowd) is None:
            return [*row, "-", "-", "-", "-"]
        left = f"{seen.memory / 1024:.0f}"
        return [
            *row,
            *(f"{seen.ratio:.2f}", f"{seen.last:.2f}", str(seen.timeouts), left),
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak one server after the other; return 1 if one lost anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    names = [variant.name for variant in VARIANTS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(names))
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--silent", type=int, default=2_000)
    parser.add_argument("--sender", choices=SENDERS, default=SENDERS[0])
    said = parser.parse_args(arguments)
    if unknown := set(said.names) - set(names):
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    more_descriptors()
    results: list[Soaked] = []
    with tempfile.TemporaryDirectory(prefix="sslmagic-soak-") as home:
        directory = Path(home)
        keys = trustme.KeyType.ECDSA
        authority = Authority.create(directory / "authority", keys=keys)
        for variant in VARIANTS:
            if variant.name in (said.names or names):
                soaked = Soaked(variant=variant)
                results.append(soaked)
                if said.connections:
                    with _any_fault(soaked):
                        _connect(soaked, said, directory, authority)
                if said.silent:
                    with _any_fault(soaked):
                        _crowd(soaked, said.silent, directory, authority)
    print(as_text(_table(results, said)))  # noqa: T201
    for soaked in results:
        for fault in soaked.faults:
            print(f"{soaked.variant.name}: {fault}")  # noqa: T201
    return int(any(soaked.faults for soaked in results))


def _connect(
    soaked: Soaked, said: argparse.Namespace, directory: Path, authority: Authority
) -> None:
    variant, number = soaked.variant, said.connections
    tls = authority if variant.tls else None
    context = authority.client() if variant.tls else None
    with (
        serving(
            variant, Place(formats=FORMATS), directory=directory, authority=tls
        ) as server,
        in_front(
            said.sender,
            address_of(server),
            directory=directory,
            authority=authority,
            tls=variant.tls,
        ) as address,
    ):
        seen = load(address, context, number=number, request=variant.request)
        last = ask(address, context, request=variant.request or REQUEST)
    _say(soaked, f"{seen.answered} of {number} answered in {seen.seconds:.0f} s")
    soaked.answered, soaked.seconds = seen.answered, seen.seconds
    soaked.lost = number - seen.answered
    soaked.faults += [f"{times} lost: {what}" for what, times in seen.lost.items()]
    # The one that asked this is among them.
    (counters,) = last.body["counters"]
    if counters != {"accepted": number + 1, "direct": 0}:
        soaked.faults.append(f"the server counted {counters}")


def _crowd(soaked: Soaked, number: int, directory: Path, authority: Authority) -> None:
    soaked.crowd = crowd(
        soaked.variant,
        number=number,
        deadline=DEADLINE,
        directory=directory,
        authority=authority,
    )
    _say(soaked, f"{number} silent ones, gone after {soaked.crowd.last:.1f} s")
    soaked.faults += soaked.crowd.faults(deadline=DEADLINE)


@contextlib.contextmanager
def _any_fault(soaked: Soaked) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the others are still to be soaked
        notes = getattr(error, "__notes__", ())
        soaked.faults.append("\n".join((repr(error), *notes)))
    finally:
        for fault in soaked.faults:
            _say(soaked, fault)


def _say(soaked: Soaked, what: str) -> None:
    print(f"{soaked.variant.name}: {what}", file=sys.stderr, flush=True)  # noqa: T201


def _table(results: Sequence[Soaked], said: argparse.Namespace) -> Table:
    return Table(
        title=f"{said.connections} connections behind {said.sender},"
        f" {said.silent} silent ones",
        columns=(
            *("server", "answered", "lost", "a second"),
            *("p99 beside", "gone after", "timeouts", "left"),
        ),
        rows=[soaked.row() for soaked in results],
        notes=(
            "p99 beside: a good client's beside the silent ones, in its p99 without.",
            f"gone after: seconds that the last silent one had, of {DEADLINE:.0f}.",
            "left: KiB of memory that the silent ones left behind.",
        ),
    )


if __name__ == "__main__":
    sys.exit(main())
