"""What a run of questions showed, as values."""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Mapping

from sslmagic.address import is_loopback, pack_host
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.question import Question
from sslmagic.probe.target import Target

__all__ = [
    "Belief",
    "FormatReport",
    "Report",
    "Speech",
    "Stance",
    "Trial",
    "believed",
    "differ",
    "spoken",
]


class Speech(enum.StrEnum):
    """What a listener speaks, at once or behind a preamble."""

    TLS = "tls"
    HTTP = "http"
    FIRST = "first"
    """It speaks before it is spoken to."""


class Stance(enum.StrEnum):
    """What a listener does with one format of preamble, for whoever asked."""

    REQUIRED = "required"
    """It serves with this preamble, and not without any."""
    ACCEPTED = "accepted"
    """It serves with it and without."""
    IGNORED = "ignored"
    """It serves with it as without, and with octets like it that are no preamble."""
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It speaks first, or refuses whatever comes alike, so that no difference shows; or
    it answered otherwise when it was asked again."""


class Belief(enum.StrEnum):
    """Whose address an answer showed."""

    BELIEVED = "believed"
    """The one that was claimed."""
    OWN = "own"
    """That of whoever asked; the page may hold it for another reason."""
    NOT_SHOWN = "not shown"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One question and its answer."""

    question: Question
    answer: Answer
    taken: bool
    """Whether the listener served as it does behind a preamble it takes; without one,
    whether it served at all."""
    belief: Belief = Belief.NOT_SHOWN
    last: bool = False
    """Of two preambles, whether it was the second that was believed."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FormatReport:
    """What a listener does with one format."""

    format: str
    stance: Stance
    behind: Speech | None
    """What follows the preamble; None if it was not taken."""
    trials: Mapping[str, Trial]
    """By name: whole, its control, and if it was taken halves, octets, late, local,
    bad_checksum, checksum, nested, loopback, clear; else inside, half; and again. What
    was not asked, or shows nothing, is missing."""

    def taken(self, trial: str) -> bool | None:
        """Return whether it was taken; None if it was not asked."""
        found = self.trials.get(trial)
        return None if found is None else found.taken

    @property
    def is_taken(self) -> bool:
        """Whether the listener serves with a preamble of this format in front."""
        return self.behind is not None

    @property
    def is_unsteady(self) -> bool:
        """Whether the whole preamble got another answer when it was sent again."""
        again = self.taken("again")
        return again is not None and again is not self.taken("whole")

    @property
    def belief(self) -> Belief:
        """Whose address it shows behind a whole preamble."""
        found = self.trials.get("whole")
        return Belief.NOT_SHOWN if found is None else found.belief


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one run showed."""

    target: Target
    source: str
    """The address that was asked from."""
    speaks: Speech | None
    """What it speaks without a preamble; None if it serves nobody so."""
    formats: tuple[FormatReport, ...]
    silent: Trial | None
    """A connection that said nothing."""
    half: Trial | None
    """Half a preamble, and nothing more."""
    after: Trial | None
    """A whole preamble, and nothing more."""
    trials: tuple[Trial, ...]
    """All of them, in the order in which they were asked."""
    stopped: str | None
    """Why not all was asked; None if it was."""
    seconds: float
    again: tuple[tuple[Trial, Trial], ...] = ()
    """What was asked twice without a preamble, at the beginning and at the end."""

    @property
    def unsteady(self) -> tuple[tuple[Trial, Trial], ...]:
        """What got another answer the second time; if anything did, nothing is sure."""
        return tuple(filter(differ, self.again))

    @property
    def is_reachable(self) -> bool:
        """Whether anybody listened at all."""
        return any(one.answer.came is not Came.UNREACHABLE for one in self.trials)

    @property
    def unreached(self) -> str:
        """Why no connection came about, if none did: no time may have been left."""
        return self.trials[0].answer.said if self.trials else self.stopped or ""

    @property
    def is_from_outside(self) -> bool:
        """Whether the run asked from another machine, or as one."""
        try:
            return not is_loopback(pack_host(self.source))
        except ValueError:
            return False

    @property
    def takes(self) -> tuple[FormatReport, ...]:
        """The formats that it takes."""
        return tuple(one for one in self.formats if one.is_taken)

    @property
    def turns_away(self) -> bool:
        """Whether it ends every connection at once, whatever whoever asked says."""
        return bool(self.formats) and all(
            "half" in one.trials
            and one.trials["half"].answer.is_end_at_once
            and one.trials["whole"].answer.is_end
            for one in self.formats
        )

    @property
    def reads_nothing(self) -> bool:
        """Whether it ends a connection at once, before a word was said."""
        return self.silent is not None and self.silent.answer.is_end_at_once


def differ(pair: tuple[Trial, Trial]) -> bool:
    """Return whether the same question got answers that mean another thing."""
    first, again = pair
    if first.taken is not again.taken:
        return True
    if first.answer.came is Came.HTTP is again.answer.came:
        return first.answer.status != again.answer.status
    return spoken(first.answer) is not spoken(again.answer)


def spoken(answer: Answer, *, is_quiet: bool = False) -> Speech | None:
    """Return what an answer shows that the listener speaks.

    Args:
        is_quiet: nothing was said that could be answered.
    """
    if answer.speaks_tls:
        return Speech.TLS
    if answer.came is Came.HTTP and answer.status != 400:
        return Speech.HTTP
    if is_quiet and answer.came is Came.OCTETS:
        return Speech.FIRST
    return None


def believed(text: bytes, claimed: str, own: str, port: int) -> Belief:
    """Return whose address stands in what the application said.

    Args:
        port: the listener's: an address with it is that of whom was asked, which a page
            may have out of the Host header.
    """
    if _holds(text, claimed, rb""):
        return Belief.BELIEVED
    if own and _holds(text, own, rb"(?!\]?:%d\b)" % port):
        return Belief.OWN
    return Belief.NOT_SHOWN


def _holds(text: bytes, host: str, behind: bytes) -> bool:
    """A number more on either side would make it another address."""
    address = re.escape(host.encode())
    before, after = rb"(?<![\d.])", rb"(?!\.?\d)"
    if ":" in host:
        # So would a group of digits, and a port without brackets looks like one.
        before, after = rb"(?<![\da-f:.])", rb"(?![\da-f.]|:[\da-f:])"
    pattern = rb"%b%b%b%b" % (before, address, after, behind)
    return bool(re.search(pattern, text, re.IGNORECASE))
