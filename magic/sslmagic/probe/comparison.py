"""Whether listeners do the same, as the addresses of one name should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sslmagic.probe.report import Report, Trial

__all__ = ["alike"]

_UNCOMPARED = {"again", "control"}
"""Asked only in doubt, so that one run has it and the next may not."""

_SURELY = 0.9
"""Of the patience: what ended later may not have ended in another run."""


def alike(reports: Iterable[Report]) -> tuple[tuple[Report, ...], ...]:
    """Return the reports, those together that found the same, in their order.

    How long somebody is waited for is not compared, since no two runs measure the same;
    but whether that has an end is.
    """
    groups: dict[object, list[Report]] = {}
    for report in reports:
        groups.setdefault(tuple(_found(report)), []).append(report)
    return tuple(map(tuple, groups.values()))


def _found(report: Report) -> Iterator[object]:
    yield report.is_reachable, report.speaks, report.stopped, bool(report.unsteady)
    yield report.turns_away, report.reads_nothing
    for wait in (report.silent, report.half, report.after):
        yield wait is not None and _is_ended(wait)
    for one in report.formats:
        yield one.format, one.stance, one.behind
        for name in sorted(one.trials.keys() - _UNCOMPARED):
            trial = one.trials[name]
            yield name, trial.taken, trial.belief, trial.last


def _is_ended(wait: Trial) -> bool:
    """Whether the listener ended it with time to spare.

    A deadline as long as the patience may come before its end or behind it.
    """
    answer = wait.answer
    return answer.ended and answer.lasted < _SURELY * wait.question.patience
