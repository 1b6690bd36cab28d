"""Whether listeners do the same, as the addresses of one name should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sslmagic.probe.report import Report

__all__ = ["alike"]

_UNCOMPARED = {"again", "control"}
"""Asked only in doubt, so that one run has it and the next may not."""


def alike(reports: Iterable[Report]) -> tuple[tuple[Report, ...], ...]:
    """Return the reports, those together that found the same, in their order.

    How long somebody is waited for is not compared: no two runs measure the same.
    """
    groups: dict[object, list[Report]] = {}
    for report in reports:
        groups.setdefault(tuple(_found(report)), []).append(report)
    return tuple(map(tuple, groups.values()))


def _found(report: Report) -> Iterator[object]:
    yield report.is_reachable, report.speaks, report.stopped, bool(report.unsteady)
    yield report.turns_away, report.reads_nothing
    for one in report.formats:
        yield one.format, one.stance, one.behind
        for name in sorted(one.trials.keys() - _UNCOMPARED):
            trial = one.trials[name]
            yield name, trial.taken, trial.belief, trial.last
