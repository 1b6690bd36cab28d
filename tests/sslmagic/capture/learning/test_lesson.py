"""The file that a lesson writes: loadable, with the evidence as comments."""

from __future__ import annotations

from sslmagic.capture.learning.learner import learn
from sslmagic.layout import Layout
from tests.sslmagic.capture.learning.invented import FIXED, Traffic


def test_the_file_of_a_lesson_is_the_layout() -> None:
    for layout in FIXED:
        lesson = learn(Traffic(layout, 2).samples(8, nat=0.25, noise=2), layout.name)
        text = lesson.text()
        assert Layout.read(text) == lesson.layout
        assert text.startswith(f"# Learnt from {len(lesson.agreeing)} connections; ")
        assert f"How sure: {lesson.sure:.3f}" in text
        for need in lesson.needs:
            assert f"# {need}\n" in text


def test_unknown_octets_are_counted() -> None:
    lesson = learn(Traffic(FIXED[3], 2).samples(8), "sums")
    assert lesson.unknown == 4
    assert "# unknown: 8 values" in lesson.text()
