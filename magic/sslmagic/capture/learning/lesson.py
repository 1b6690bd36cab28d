"""What was learnt: the layout, how sure it is, and what would make it surer."""

from __future__ import annotations

import dataclasses

from sslmagic.capture.learning.evidence import Evidence, is_known
from sslmagic.capture.learning.sample import Sample
from sslmagic.layout import Layout

__all__ = ["Lesson", "Taught"]


@dataclasses.dataclass(frozen=True, slots=True)
class Taught:
    """One variant and the samples that taught it."""

    family: str
    """`IPv4` or `IPv6`, or both: what the clients are."""
    samples: int
    """How many agree with it."""
    parts: tuple[Evidence, ...]
    """The evidence for each part, in order."""


@dataclasses.dataclass(frozen=True, slots=True)
class Lesson:
    """What samples say of the layout of their preambles."""

    layout: Layout | None
    """None if there is none that could be used; `needs` says what is missing."""
    variants: tuple[Taught, ...]
    """The evidence for each variant of the layout, in its order."""
    agreeing: tuple[Sample, ...]
    """Those of which the layout reads the client that is known."""
    contradicting: tuple[Sample, ...]
    """Those that it reads, with another client: NAT in front of the sender, say."""
    unread: tuple[Sample, ...]
    """Those that it does not read: without a preamble, or other traffic."""
    needs: tuple[str, ...]
    """What is not sure, and what would settle it."""

    @property
    def sure(self) -> float:
        """How sure the least sure part of a known meaning is, 0 to 1."""
        if self.layout is None:
            return 0.0
        return min(
            one.sure
            for variant in self.variants
            for one in variant.parts
            if is_known(one.part)
        )

    @property
    def unknown(self) -> int:
        """Octets of unknown meaning, the most that stood in one variant."""
        return max(
            (
                sum(one.longest for one in variant.parts if not is_known(one.part))
                for variant in self.variants
            ),
            default=0,
        )

    def text(self) -> str:
        """Return the layout's file, with the evidence as comments.

        Raises:
            ValueError: there is no layout.
        """
        if self.layout is None:
            raise ValueError("nothing was learnt: " + "; ".join(self.needs))
        remarks = {
            (number, at): f"{one.sure:.3f}: {one.why}"
            if is_known(one.part)
            else one.why
            for number, variant in enumerate(self.variants)
            for at, one in enumerate(variant.parts)
        }
        head = [
            f"Learnt from {len(self.agreeing)} connections;"
            f" {len(self.contradicting)} name another client,"
            f" {len(self.unread)} are not read.",
            f"How sure: {self.sure:.3f}, the least of its parts.",
            *self.needs,
        ]
        return self.layout.text(remarks=remarks, head=head)
