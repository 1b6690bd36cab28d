"""An HTML reader that forgives nothing: what a browser would mend is a mistake."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from html.parser import HTMLParser

__all__ = ["Element", "parsed"]

_VOID = {"meta", "br", "wbr", "input"}
_ALLOWED = {
    *("html", "head", "title", "style", "script", "body", "header", "main", "footer"),
    *("section", "div", "h1", "h2", "h3", "p", "a", "b", "i", "span", "time", "ul"),
    *("li", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "mark"),
    *("dl", "dt", "dd", "svg", "g", "text", "tspan", "rect", "line", "select"),
    *("option", "output", *_VOID),
}


@dataclasses.dataclass
class Element:
    """An element, what is in it, and its text."""

    name: str
    attributes: dict[str, str | None]
    inside: list[Element] = dataclasses.field(default_factory=list["Element"])
    text: str = ""

    def all(self, name: str) -> Iterator[Element]:
        """Every element of that name, in order."""
        for one in self.inside:
            if one.name == name:
                yield one
            yield from one.all(name)

    def said(self) -> str:
        """All text, that of inner elements behind it."""
        return " ".join([self.text, *(one.said() for one in self.inside)])


def parsed(document: str) -> Element:
    """Read a document; an assertion fails at the first thing that is not strict."""
    assert document.startswith("<!DOCTYPE html>\n")
    reader = _Reader()
    reader.feed(document)
    reader.close()
    assert len(reader.open) == 1, reader.open[-1]
    (html,) = reader.open[0].inside
    assert html.name == "html"
    return html


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _ALLOWED, tag
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        # Neither runs nor fetches anything, and the policy forbids styles.
        assert not [n for n in names if n.startswith("on") or n in ("style", "src")]
        for name, value in attrs:
            assert name != "href" or (value or "").startswith("#")
        element = Element(tag, dict(attrs))
        self.open[-1].inside.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, (self.open[-1].name, tag)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)
