"""What `magic probe` says of real listeners, as docs/probe.md has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

import pytest

from tests.interop.authority import Authority
from tests.interop.peers import needs
from tests.interop.probed import LISTENERS, Listener
from tests.interop.probing import COLUMNS, PAGE, Heard, hearing, row


@pytest.fixture(scope="module")
def heard(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority
) -> Iterator[Mapping[str, Future[Heard]]]:
    with hearing(tmp_path_factory.mktemp("probed"), authority) as each:
        yield each


@pytest.mark.parametrize(
    "listener",
    LISTENERS,
    ids=[f"{one.place}-{one.source}" for one in LISTENERS],
)
def test_the_page_says_what_is_heard(
    listener: Listener, heard: Mapping[str, Future[Heard]]
) -> None:
    needs(*listener.needs)
    report = heard[listener.program].result()[listener]
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
