"""How what a reader says is held against what stands beside a capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["differences"]


def differences(expected: Any, said: Any, where: str = "") -> Iterator[str]:
    """Yield each member that is expected and not said, in words.

    Of an object only the members that are expected are looked at; lists have as many
    entries as are expected.
    """
    if isinstance(expected, dict) and isinstance(said, dict):
        for key, value in expected.items():
            if key in said:
                yield from differences(value, said[key], f"{where}.{key}")
            else:
                yield f"{where}.{key} is missing"
    elif (
        isinstance(expected, list)
        and isinstance(said, list)
        and len(expected) == len(said)
    ):
        for place, (one, other) in enumerate(zip(expected, said, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif expected != said:
        yield f"{where}: {said!r} instead of {expected!r}"
