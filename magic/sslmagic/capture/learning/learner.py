"""The learner: samples in, a `Lesson` out.

Who is thought to be a client may not be what the preamble says (NAT), and other traffic
may stand among the samples. So those come first that name their client in the way in
which most do; the layout is searched among a few of them and tried on the others, and
whichever it does not read joins the few, until it reads all that can be read.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sslmagic.capture.learning.evidence import evidence
from sslmagic.capture.learning.lesson import Lesson, Taught
from sslmagic.capture.learning.portless import with_port
from sslmagic.capture.learning.refine import (
    COUNTERS,
    counters_widened,
    refined,
)
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.search import SearchLimitError, search
from sslmagic.capture.learning.union import united
from sslmagic.capture.learning.witnesses import witnesses
from sslmagic.errors import ConfigurationError, DecodeError
from sslmagic.layout import Layout
from sslmagic.preamble import Preamble
from sslmagic.wire.computed import Length
from sslmagic.wire.frame import Frame
from sslmagic.wire.variant import Variant

__all__ = ["SECONDS", "learn"]

SECONDS = 10.0
"""How long is searched: what can be learnt takes less than one, mostly."""

_FEW = 10
"""Samples that are searched together at first."""
_FEWEST = 3
"""Samples that may stand for all."""
_JOINING = 3
"""Samples that join them at a time."""
_ROUNDS = 8
"""How often one that is not read joins them."""


def learn(
    samples: Iterable[Sample], name: str = "learnt", *, seconds: float = SECONDS
) -> Lesson:
    """Return what *samples* say of the layout of their preambles.

    Args:
        name: the layout's.
        seconds: how long a layout of each family is searched at most.

    Raises:
        ConfigurationError: *name* cannot be the name of a layout.
    """
    samples = [*samples]
    needs: list[str] = []
    taught: list[tuple[Variant, list[Sample], str]] = []
    for family in ("IPv4", "IPv6"):
        own = [one for one in samples if (":" in one.client.host) == (family == "IPv6")]
        until = time.monotonic() + seconds
        found = _variant(own, family, needs, until) if own else None
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


def _variant(
    samples: Sequence[Sample], family: str, needs: list[str], until: float
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
    few, variant = _first(naming, needs, until)
    if variant is None:
        return None
    best = variant, [one for one in naming if _reads(variant, one.octets)]
    tried: list[Sample] = []
    for _ in range(_ROUNDS):
        fresh = [
            one
            for one in naming
            if one not in tried and not _begins(best[0], one.octets)
        ]
        if len(fresh) * 20 < len(naming):
            break
        joined = _diverse(fresh)[:_JOINING]
        for more in (joined, *([one] for one in joined)):
            tried += more if len(more) == 1 else []
            wider = _searched([*few, *more], [], until)
            if wider is None:
                continue
            read = [one for one in naming if _reads(wider, one.octets)]
            if len(read) > len(best[1]):
                few, best = [*few, *more], (wider, read)
                break
    return best


def _first(
    naming: Sequence[Sample], needs: list[str], until: float
) -> tuple[list[Sample], Variant | None]:
    """Return a few samples and their variant.

    One connection whose client said something in front of its ClientHello would keep
    anything from being learnt, if all that differ had to be explained.
    """
    few = _diverse(naming)
    first: list[str] = []
    for chosen in (few, *_usual(few), *_alike(naming), *_all_but_one(few)):
        said: list[str] = []
        variant = _searched(chosen, said, until)
        if variant is not None:
            needs += said
            return chosen, variant
        first = first or said
    needs += first
    return few, None


def _alike(samples: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Return a few samples of the length that most have, if they are several."""
    by_length: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_length[len(sample.octets)].append(sample)
    largest = max(by_length.values(), key=len)
    if _FEWEST <= len(largest) < len(samples):
        yield _diverse(largest)


def _usual(few: Sequence[Sample]) -> Iterator[list[Sample]]:
    """Return all but those whose lengths are farthest from the middle."""
    middle = sorted(len(one.octets) for one in few)[len(few) // 2]
    nearest = sorted(few, key=lambda one: abs(len(one.octets) - middle))
    for count in range(1, len(few) // 3 + 1):
        if len(nearest[-count].octets) != middle and len(few) > _FEWEST:
            yield nearest[:-count]


def _all_but_one(few: Sequence[Sample]) -> Iterator[list[Sample]]:
    for left_out in few if len(few) > _FEWEST else ():
        yield [one for one in few if one is not left_out]


def _left(until: float) -> float:
    """Return the seconds of one search: another choice of samples may be easier."""
    return max(min(SECONDS / 3, until - time.monotonic()), 0.0)


def _searched(few: list[Sample], needs: list[str], until: float) -> Variant | None:
    try:
        parts = search(few, seconds=_left(until))
    except SearchLimitError:
        needs.append(
            "the search gave up in long runs of unknown octets: give other connections"
        )
        return None
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


def _begins(variant: Variant, octets: bytes) -> bool:
    """Whether a whole preamble stands in front: what follows is no more of one."""
    walk, fault = variant.walked(octets)
    return fault is None and not walk.wanted


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
    if layout.starts_as_tls or not layout.is_recognisable:
        needs.append("it may start as a ClientHello does: no receiver takes it")
    needs += _wishes(taught, samples, agreeing, contradicting)
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
    samples: Sequence[Sample],
    agreeing: Sequence[Sample],
    contradicting: Sequence[Sample],
) -> list[str]:
    families = " ".join(one.family for one in taught)
    seen = {"IPv6" if ":" in one.client.host else "IPv4" for one in samples}
    found = [
        f"{'nothing learnt of' if family in seen else 'no'} {family} client"
        f"{'s' if family in seen else ''}: how one is written is not known"
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
    constant = sum(one.longest for one in taught.parts if one.may_vary)
    if constant:
        found.append(
            f"{constant} octets were constant here: capture another hour, another"
            " gateway, another virtual server"
        )
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
