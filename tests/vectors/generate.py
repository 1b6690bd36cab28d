"""Write the vectors: ``python -m tests.vectors.generate``, or ``--check`` them.

Each case states its result by hand. The second reader (second/) must come to the
same one before it is written, and says what a valid preamble decodes to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.vectors.build import Case
from tests.vectors.cases import e5, magic, proof, proxy1, proxy2, tlv
from tests.vectors.second.octets import Refused
from tests.vectors.second.reader import LIMITS, decode

HERE = Path(__file__).parent


def vector(case: Case, form: str) -> dict[str, Any]:
    """Return the case as data, having checked it against the second reader."""
    octets = case.wire + case.rest
    said: dict[str, Any] = {"id": case.id, "rule": case.rule, "comment": case.comment}
    said |= {"format": form, "wire": case.wire.hex()}
    if case.rest:
        said["rest"] = case.rest.hex()
    if case.limit is not None:
        said["limit"] = case.limit
    said["result"] = case.result
    try:
        decoded = decode(octets, form, case.limit)
    except Refused as refusal:
        found = refusal.reason, refusal.offset
        if found[0] != case.result or case.offset != found[1]:
            raise AssertionError(
                f"{form} {case.id}: {found}, not {case[4:6]}"
            ) from None
        return said | {"offset": case.offset}
    if case.result != "valid" or decoded["length"] != len(case.wire):
        raise AssertionError(f"{form} {case.id}: {decoded}, not {case.result}")
    return said | {"decoded": decoded}


def files() -> dict[str, str]:
    """Return what each file of vectors holds."""
    tests: dict[str, list[dict[str, Any]]] = {
        "magic": [vector(case, "magic") for case in magic.CASES],
        "proxy1": [vector(case, "proxy1") for case in proxy1.CASES],
        "proxy2": [vector(case, "proxy2") for case in proxy2.CASES],
        "tlv": [vector(case, form) for form, case in tlv.CASES],
        "proof": proof.tests(),
        "e5": e5.tests(),
    }
    return {
        f"{name}.json": json.dumps(
            {"specification": "spec.md", "limits": LIMITS, "tests": rows}, indent=1
        )
        + "\n"
        for name, rows in tests.items()
    }


def main(arguments: list[str]) -> int:
    """Write every file, or say which one differs from what would be written."""
    stale = 0
    for name, text in files().items():
        path = HERE / name
        if arguments != ["--check"]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{name} is not what the cases say", file=sys.stderr)  # noqa: T201
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
