"""What was heard so far in one run, and the stance towards each format it shows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from sslmagic.probe.report import FormatReport, Speech, Stance, Trial, differ

__all__ = ["Evidence", "FormatEvidence"]


@dataclasses.dataclass(slots=True, kw_only=True)
class FormatEvidence:
    """What was heard of one format."""

    format: str
    trials: dict[str, Trial] = dataclasses.field(default_factory=dict[str, Trial])
    """By name, as in `FormatReport`."""
    behind: Speech | None = None
    """What follows the preamble; None unless it was taken."""
    is_alike: bool = False
    """Whether the same octets that are no preamble got the same answer."""
    is_complete: bool = False
    """Whether all was asked that tells whether it is taken."""

    @property
    def whole(self) -> Trial:
        """The whole preamble, once that was asked."""
        return self.trials["whole"]


class Evidence:
    """What was heard, as question after question is put.

    Args:
        formats: those that are asked about.
    """

    def __init__(self, formats: Iterable[str]) -> None:
        self.formats = {one: FormatEvidence(format=one) for one in formats}
        self.speaks: Speech | None = None
        """What it speaks without a preamble."""
        self.without: dict[Speech, Trial] = {}
        """What was asked without a preamble, by what it would have shown."""
        self.waits: dict[str, Trial] = {}
        """Who said no more, by name: silent, half, after."""
        self.again: list[tuple[Trial, Trial]] = []
        """What was asked twice without a preamble."""

    @property
    def behind(self) -> set[Speech]:
        """What follows the preambles that were taken."""
        return {one.behind for one in self.formats.values() if one.behind}

    def stance(self, format: str) -> Stance:
        """Return what the listener does with the format, as far as is known."""
        one = self.formats[format]
        if self.speaks is Speech.FIRST or any(map(differ, self.again)):
            return Stance.UNKNOWN
        if (again := one.trials.get("again")) and again.taken != one.whole.taken:
            return Stance.UNKNOWN
        if one.behind is None:
            return Stance.UNKNOWN if one.is_alike else Stance.REFUSED
        if one.is_alike:
            return Stance.IGNORED
        return Stance.REQUIRED if self.speaks is None else Stance.ACCEPTED

    def reports(self) -> Iterator[FormatReport]:
        """Yield what is known of each format; nothing where a limit came first."""
        for format, one in self.formats.items():
            if one.is_complete:
                stance = self.stance(format)
                yield FormatReport(
                    format=format,
                    stance=stance,
                    behind=None if stance is Stance.UNKNOWN else one.behind,
                    trials=one.trials,
                )
