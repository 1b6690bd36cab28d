"""table.py: cells that keep what they are given, and what is escaped."""

from __future__ import annotations

import pytest

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic_cli.inspect.table import Column, address, row, table

COLUMNS = (Column("#", "number"), Column("who"))


def test_a_table_with_its_columns() -> None:
    said = table(COLUMNS, [row(COLUMNS, ["1", "<b>me</b>"], verdict="ok")])
    assert '<th scope="col" class="number">#</th><th scope="col">who</th>' in said
    assert (
        '<tr data-verdict="ok"><td class="number" data-label="#"><div>1</div></td>'
        '<td data-label="who"><div><b>me</b></div></td></tr>'
    ) in said
    assert "sortable" not in said
    assert 'class="stack sortable" data-tools="x"' in table(COLUMNS, [], tools="x")


def test_a_cell_without_text_is_empty() -> None:
    assert '<td data-label="who"></td>' in row(COLUMNS, ["1", ""])


@pytest.mark.parametrize(
    ("said", "html"),
    [
        (None, ""),
        (Endpoint("10.0.0.1", 5), "10.0.0.1:5"),
        (Endpoint("2001:db8::1", 5), "[2001:db8::1]<wbr>:5"),
        (UnixEndpoint("/<b>\x1b"), "unix:/&lt;b&gt;\\x1b"),
    ],
)
def test_an_address(said: object, html: str) -> None:
    assert address(said) == html
