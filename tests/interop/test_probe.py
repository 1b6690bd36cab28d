"""What `magic probe` says of real listeners, as docs/probe.md has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from sslmagic.probe import Report
from tests.interop.authority import Authority
from tests.interop.peers import needs
from tests.interop.probed import LISTENERS, Listener, running
from tests.interop.probing import COLUMNS, PAGE, heard, row


@pytest.fixture(scope="module")
def reports(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Mapping[Listener, Report]]:
    with running(tmp_path_factory.mktemp("probed"), authority) as places:
        yield heard(places)


@pytest.mark.parametrize(
    "listener",
    LISTENERS,
    ids=[f"{one.place}-{one.source}" for one in LISTENERS],
)
def test_the_page_says_what_is_heard(
    listener: Listener, reports: Mapping[Listener, Report]
) -> None:
    needs(*listener.needs)
    report = reports[listener]
    assert report.stopped is None
    said = row(listener, report)
    line = _table()[LISTENERS.index(listener)]
    assert dict(zip(COLUMNS, said.split(" | "), strict=True)) == dict(
        zip(COLUMNS, line.split(" | "), strict=True)
    )


def test_the_page_has_every_listener() -> None:
    assert len(_table()) == len(LISTENERS)


def _table() -> list[str]:
    text = PAGE.read_text("utf-8").partition("<!-- heard -->")[2]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return lines[2:]
