"""go-proxyproto, in a process that answers one measurement at a time."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.codec.cases import Case
from benchmarks.programs import go_program

__all__ = ["NAME", "GoCodec"]

NAME = "go-proxyproto"

_SECONDS = 60
"""What building may take at most; one measurement takes milliseconds."""


class GoCodec:
    """The Go program of benchmarks/go/codec, built anew and running.

    Raises:
        MissingPeerError: Go or its library is not installed.
    """

    def __init__(self, directory: Path) -> None:
        self._process = subprocess.Popen(
            [go_program("codec", directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=_SECONDS)

    def seconds(self, operation: str, case: Case, count: int) -> float:
        """Return what *count* operations take."""
        words = [operation, str(count)]
        if operation.startswith("decode"):
            words.append(case.peer_octets.hex())
        else:
            preamble = case.preamble
            words.append("1" if case.peer_format == "proxy1" else "2")
            words += [str(preamble.source), str(preamble.destination)]
            if preamble.tlvs:
                fixed = 16 + preamble.transport.block_length
                words.append(case.peer_octets[fixed:].hex())
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(words) + "\n")
        said = self._process.stdout.readline().strip()
        if not said.isdigit():
            raise RuntimeError(f"go-proxyproto, {' '.join(words)}: {said}")
        return int(said) / 1e9
