"""What was learnt as a table of one connection's octets, and what is not sure of it."""

from __future__ import annotations

from typing import Any, TextIO

from rich.text import Text

from sslmagic.anatomy import Field, printable
from sslmagic.capture.learning.evidence import is_known
from sslmagic.capture.learning.gathering import Gathered
from sslmagic.capture.learning.lesson import Lesson, Taught
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spoken import spoken
from sslmagic.wire.parts import Literal
from sslmagic_cli import render

__all__ = ["drawn"]

_SHOWN = 5
"""Connections that are named of those that contradict."""


def drawn(lesson: Lesson, gathered: Gathered, to: TextIO) -> str:
    """Return each variant as a table, and what is not sure, as wide as *to* is."""
    parts: list[Any] = []
    for variant in lesson.variants:
        text = Text.assemble((str(lesson.layout), "bold"), f"  {variant.family}  ")
        text.append(f"{variant.samples} connections", "dim")
        parts += [text, "", render.fields(_fields(variant)), ""]
    unknown = f", {lesson.unknown} octets unknown" if lesson.unknown else ""
    parts.append(
        render.note(f"Sure: {lesson.sure:.3f}, the least of its parts{unknown}.")
    )
    parts.append(render.note(_counted(lesson, gathered)))
    parts += [render.note(f"- {need}") for need in (*lesson.needs, *gathered.needs)]
    return render.drawn(*parts, to=to)


def _counted(lesson: Lesson, gathered: Gathered) -> str:
    counts = [
        f"{len(lesson.agreeing)} connections agree",
        f"{len(lesson.contradicting)} name another client"
        + _numbers(lesson.contradicting),
        f"{len(lesson.unread)} are not read" + _numbers(lesson.unread),
        f"{gathered.nobodys} are of clients that are not known",
        f"{gathered.silent} silent",
        f"{gathered.strange} without TLS or HTTP",
    ]
    return ", ".join(one for one in counts if not one.startswith("0 ")) + "."


def _numbers(samples: tuple[Sample, ...]) -> str:
    shown = [str(one.number) for one in samples[:_SHOWN] if one.number]
    more = ", ..." if len(samples) > _SHOWN else ""
    return f" ({', '.join(shown)}{more})" if shown else ""


def _fields(variant: Taught) -> list[Field]:
    fields: list[Field] = []
    at = 0
    for one in variant.parts:
        sure = f"  {one.sure:.3f}" if is_known(one.part) else ""
        why = one.why if not isinstance(one.part, Literal) else ""
        meaning = f"{spoken(one.part)}{sure}" + (f"  {why}" if why else "")
        if one.example:
            fields.append(Field(at, one.example, one.part.name, printable(meaning)))
        at += len(one.example)
    return fields
