"""Fuzz for a while: ``python -m tests.fuzz --seconds 60 [--seed N]``."""

from __future__ import annotations

import argparse
import collections
import random
import sys
import time

from sslmagic.wire import FORMATS
from tests.fuzz.mutation import inputs
from tests.fuzz.target import examine


def main() -> int:
    """Run until the time is up; an input that breaks an oracle ends it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().getrandbits(32)
    )
    said = parser.parse_args()
    print(f"seed {said.seed}", file=sys.stderr)  # noqa: T201
    results: collections.Counter[str] = collections.Counter()
    end = time.monotonic() + said.seconds
    for data in inputs(random.Random(said.seed)):
        if time.monotonic() > end:
            break
        try:
            result = examine(FORMATS[data[0] % 3], data[1:], seed=data[0] // 3)
        except BaseException:
            print(f"input {data.hex()}", file=sys.stderr)  # noqa: T201
            raise
        results[result.reason or "valid"] += 1
    for reason, times in results.most_common():
        print(f"{times:9} {reason}")  # noqa: T201
    print(f"{results.total():9} inputs")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
