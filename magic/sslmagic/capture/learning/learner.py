"""The learner: samples in, a `Lesson` out.

Who is thought to be a client may not be what the preamble says (NAT), and other traffic
may stand among the samples. So those come first that name their client in the way in
which most do; the layout is that of the most, and all samples are held against it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from sslmagic.capture.learning.evidence import evidence
from sslmagic.capture.learning.family import SECONDS, variant_of
from sslmagic.capture.learning.lesson import Lesson, Taught
from sslmagic.capture.learning.needs import needs_of
from sslmagic.capture.learning.reading import reads
from sslmagic.capture.learning.refine import COUNTERS, counters_widened
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.union import united
from sslmagic.errors import DecodeError
from sslmagic.layout import Layout
from sslmagic.preamble import Preamble
from sslmagic.wire.frame import Frame
from sslmagic.wire.variant import Variant

__all__ = ["learn"]


def learn(
    samples: Iterable[Sample], name: str = "learnt", *, seconds: float = SECONDS
) -> Lesson:
    """Return what *samples* say of the layout of their preambles.

    Args:
        name: the layout's.
        seconds: how long a layout of each family is searched at most, of this process's
            own time: so that a busy machine finds the same.

    Raises:
        ConfigurationError: *name* cannot be the name of a layout.
    """
    samples = [*samples]
    needs: list[str] = []
    taught: list[tuple[Variant, list[Sample], str]] = []
    for family in ("IPv4", "IPv6"):
        own = [one for one in samples if (":" in one.client.host) == (family == "IPv6")]
        until = time.process_time() + seconds
        found = variant_of(own, family, needs, until) if own else None
        if found is not None:
            taught.append((*found, family))
    if not taught:
        if not samples:
            needs.append("no connection whose client is known: name clients of it")
        return Lesson(None, (), (), (), tuple(samples), tuple(dict.fromkeys(needs)))
    variants, families = _put_together(name, taught, needs)
    layout = Layout(name, variants)
    return _lesson(layout, families, samples, needs)


def _put_together(
    name: str, taught: list[tuple[Variant, list[Sample], str]], needs: list[str]
) -> tuple[list[Variant], list[str]]:
    """Return the variants and their families, as wide as they can be told apart."""
    for counter in COUNTERS:
        wide = [
            (
                counters_widened(variant, [one.octets for one in own], counter),
                own,
                family,
            )
            for variant, own, family in taught
        ]
        if wide == taught:
            continue
        lacking: list[str] = []
        found = united(name, wide, lacking)
        if not lacking:
            return found
    return united(name, taught, needs)


def _lesson(
    layout: Layout,
    families: Sequence[str],
    samples: Sequence[Sample],
    needs: list[str],
) -> Lesson:
    agreeing: list[Sample] = []
    contradicting: list[Sample] = []
    unread: list[Sample] = []
    own: list[list[Sample]] = [[] for _ in layout.variants]
    for sample in samples:
        preamble = _decoded(layout, sample.octets)
        if preamble is None:
            unread.append(sample)
        elif _names(preamble, sample):
            agreeing.append(sample)
            reading = (
                n for n, v in enumerate(layout.variants) if reads(v, sample.octets)
            )
            own[next(reading)].append(sample)
        else:
            contradicting.append(sample)
    taught = [
        Taught(family, len(mine), tuple(evidence(variant, mine)))
        for variant, family, mine in zip(layout.variants, families, own, strict=True)
    ]
    if layout.starts_as_tls or not layout.is_recognisable:
        needs.append("it may start as a ClientHello does: no receiver takes it")
    needs += needs_of(taught, samples, agreeing, contradicting)
    return Lesson(
        layout,
        tuple(taught),
        tuple(agreeing),
        tuple(contradicting),
        tuple(unread),
        tuple(dict.fromkeys(needs)),
    )


def _decoded(layout: Layout, octets: bytes) -> Preamble | None:
    try:
        if not octets or layout.frame(octets, layout.limit).length != len(octets):
            return None
        return layout.parse(Frame(layout, octets))
    except DecodeError:
        return None


def _names(preamble: Preamble, sample: Sample) -> bool:
    source = preamble.source
    assert isinstance(source, tuple)
    host, port = source[0], source[-1]
    return host == sample.client.host and sample.client.port in (0, port)
