"""The learner: samples in, a `Lesson` out.

Who is thought to be a client may not be what the preamble says (NAT), and other traffic
may stand among the samples. So those come first that name their client in the way in
which most do; the layout is searched among a few of them and tried on the others, and
whichever it does not read joins the few, until it reads all that can be read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sslmagic.capture.learning.evidence import evidence
from sslmagic.capture.learning.lesson import Lesson, Taught
from sslmagic.capture.learning.portless import with_port
from sslmagic.capture.learning.refine import refined
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.search import search
from sslmagic.capture.learning.union import united
from sslmagic.capture.learning.witnesses import witnesses
from sslmagic.errors import ConfigurationError, DecodeError
from sslmagic.layout import Layout
from sslmagic.preamble import Preamble
from sslmagic.wire.frame import Frame
from sslmagic.wire.parts import Length
from sslmagic.wire.variant import Variant

__all__ = ["learn"]

_FEW = 10
"""Samples that are searched together at first."""
_ROUNDS = 8
"""How often one that is not read joins them."""


def learn(samples: Iterable[Sample], name: str = "learnt") -> Lesson:
    """Return what *samples* say of the layout of their preambles.

    Args:
        name: the layout's.

    Raises:
        ConfigurationError: *name* cannot be the name of a layout.
    """
    samples = [*samples]
    needs: list[str] = []
    taught: list[tuple[Variant, list[Sample], str]] = []
    for family in ("IPv4", "IPv6"):
        own = [one for one in samples if (":" in one.client.host) == (family == "IPv6")]
        found = _variant(own, family, needs) if own else None
        if found is not None:
            taught.append((*found, family))
    if not taught:
        if not samples:
            needs.append("no connection whose client is known: name clients of it")
        return Lesson(None, (), (), (), tuple(samples), tuple(dict.fromkeys(needs)))
    variants, families = united(name, taught, needs)
    layout = Layout(name, variants)
    return _lesson(layout, families, samples, needs)


def _variant(
    samples: Sequence[Sample], family: str, needs: list[str]
) -> tuple[Variant, list[Sample]] | None:
    """Return what the samples of one family have in common, and which have it."""
    speaking = [sample for sample in samples if sample.octets]
    if not speaking:
        needs.append(f"no preamble in front of any connection of an {family} client")
        return None
    naming = witnesses(speaking)
    if not naming:
        needs.append(
            f"none of {len(speaking)} preambles of {family} clients names its client in"
            " a way that is known here: are the clients right?"
        )
        return None
    few = _diverse(naming)
    best: tuple[Variant, list[Sample]] | None = None
    for _ in range(_ROUNDS):
        variant = _searched(few, needs if best is None else [])
        if variant is None:
            break
        read = [one for one in naming if _reads(variant, one.octets)]
        unread = [one for one in naming if not _reads(variant, one.octets)]
        if best is None or len(read) > len(best[1]):
            best = variant, read
        if not unread or len(unread) * 20 < len(naming):
            break
        few = [*few, *_diverse(unread)[:3]]
    return best


def _searched(few: list[Sample], needs: list[str]) -> Variant | None:
    parts = search(few)
    if parts is None:
        needs.append("the preambles have too little in common to be one layout")
        return None
    parts, remark = with_port(parts, few)
    if remark:
        needs.append(remark)
    try:
        return refined(parts, [sample.octets for sample in few])
    except ConfigurationError as error:
        needs.append(str(error))
        return None


def _diverse(samples: Sequence[Sample]) -> list[Sample]:
    """Return a few samples that differ: in length first, then from first to last."""
    by_length: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_length[len(sample.octets)].append(sample)
    chosen: list[Sample] = []
    groups = sorted(by_length.values(), key=len, reverse=True)
    depth = 0
    while len(chosen) < min(_FEW, len(samples)):
        for group in groups:
            if depth < len(group) and len(chosen) < _FEW:
                # From both ends inwards: what grows shows early.
                at = depth // 2 if depth % 2 == 0 else -1 - depth // 2
                chosen.append(group[at])
        depth += 1
    return chosen


def _reads(variant: Variant, octets: bytes) -> bool:
    walk, fault = variant.walked(octets)
    return fault is None and not walk.wanted and walk.spans[-1].end == len(octets)


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
                n for n, v in enumerate(layout.variants) if _reads(v, sample.octets)
            )
            own[next(reading)].append(sample)
        else:
            contradicting.append(sample)
    taught = [
        Taught(family, len(mine), tuple(evidence(variant, mine)))
        for variant, family, mine in zip(layout.variants, families, own, strict=True)
    ]
    needs += _wishes(taught, agreeing, contradicting)
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


def _wishes(
    taught: Sequence[Taught],
    agreeing: Sequence[Sample],
    contradicting: Sequence[Sample],
) -> list[str]:
    families = " ".join(one.family for one in taught)
    found = [
        f"no {family} client: how one is written is not known"
        for family in ("IPv4", "IPv6")
        if family not in families
    ]
    if len({sample.client for sample in agreeing}) < 3:
        found.append("fewer than 3 clients: give more, with other addresses and ports")
    for one in taught:
        found += _wishes_of(one)
    if contradicting:
        share = len(contradicting) / (len(agreeing) + len(contradicting))
        found.append(
            f"{share:.0%} of the preambles name another client than the one known:"
            " NAT in front of the sender, or clients that were named wrong"
        )
    return found


def _wishes_of(taught: Taught) -> list[str]:
    found: list[str] = []
    parts = [one.part for one in taught.parts]
    for one in taught.parts:
        if one.part.name == "source port" and one.same_front:
            found.append(
                f"all {taught.family} clients' ports have the same high octet: give"
                " more, with ports further apart"
            )
        if one.part.name == "source" and one.distinct == 1 and taught.samples > 1:
            found.append(f"one {taught.family} client address only: give another one")
        is_length = isinstance(one.part, Length) and one.part.of != "next"
        if is_length and one.distinct == 1:
            found.append("a length never varied: it may be a literal")
    if not any(part.name.startswith("destination") for part in parts):
        found.append(
            "no destination was found: if it is there it passes for a literal; name"
            " where clients connected to"
        )
    return found
