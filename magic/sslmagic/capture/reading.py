"""One capture, read piece by piece to its end, by this process alone."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Generator, Iterator
from typing import NamedTuple

from sslmagic.capture.conversation import Counts
from sslmagic.capture.flows import Ending, Flows
from sslmagic.capture.frames import Frames
from sslmagic.capture.pcap import MAGICS, Pcap
from sslmagic.capture.pcapng import MAGIC, Pcapng
from sslmagic.capture.source import Source
from sslmagic.errors import CaptureError

__all__ = ["Batch", "Fault", "reading"]

_MODIFIED = {b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34"}


Fault = CaptureError | OSError


class Batch(NamedTuple):
    """What a piece of a capture has brought."""

    done: list[Ending]
    """The conversations that have ended, in that order."""
    began: list[int]
    """Where others have begun."""
    taken: int
    """How many octets of the file have been read so far."""
    last: bool = False
    """Whether nothing follows."""
    fault: Fault | None = None
    """Why the capture cannot be read on."""


def reading(
    source: Source, flows: Flows, counts: Counts, *, plain: bool = True
) -> Iterator[Batch]:
    """Read a capture to its end.

    What is open at the end has ended with it, also where the capture is broken.

    Args:
        plain: whether plain packets may take the short way.
    """
    frames = Frames(flows, counts, plain=plain)
    fault: Fault | None = None
    try:
        for _ in _pieces(source, frames, plain=plain):
            yield _batch(source, flows)
    except (CaptureError, OSError) as error:
        fault = error
    frames.close()
    yield _batch(source, flows, last=True)._replace(fault=fault)


def _batch(source: Source, flows: Flows, *, last: bool = False) -> Batch:
    done, began = flows.done, flows.began
    flows.done, flows.began = [], []
    return Batch(done, began, source.taken, last)


def _pieces(source: Source, frames: Frames, *, plain: bool) -> Iterator[None]:
    """Read a capture, with a pause after each piece."""
    reader: Pcap | Pcapng | None = None
    data, base = b"", 0
    for piece in source.pieces():
        data = data + piece if data else piece
        if reader is None:
            kind = _kind(data[:4], source.name)
            if kind is None or len(data) < kind.header:
                continue
            reader = kind(data, frames, plain=plain)
            base = kind.skip
            data = data[base:]
        with _no_rings():
            at = reader.read(data, 0, base)
        base += at
        data = data[at:]
        yield
    if reader is None:
        kind = _kind(data[:4], source.name)
        if kind is None:
            raise CaptureError(
                "the capture is empty"
                if not data
                else f"a capture does not begin with {data.hex()}",
                capture=source.name,
                offset=len(data),
            )
        kind(data, frames, plain=plain)
        raise CaptureError(
            "the capture ends in its header", capture=source.name, offset=len(data)
        )
    if data:
        raise CaptureError(
            f"the capture ends within a packet, of which it has {len(data)} octets",
            capture=source.name,
            offset=base,
        )


def _kind(magic: bytes, name: str) -> type[Pcap | Pcapng] | None:
    """Which format begins so; None if more octets are needed to tell.

    Raises:
        CaptureError: none does.
    """
    if magic in MAGICS:
        return Pcap
    if magic == MAGIC:
        return Pcapng
    if len(magic) < 4:
        return None
    if magic in _MODIFIED:
        said = "pcap as Kuznetzov modified it, which is not read"
    else:
        said = f"neither pcap nor pcapng: it begins with {magic.hex(' ')}"
    raise CaptureError(said, capture=name, offset=0)


@contextlib.contextmanager
def _no_rings() -> Generator[None]:
    """Look for no rings of objects meanwhile: there are many objects, and no rings."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
