"""columns.py: Parquet with the types that a query wants."""

# pyright: standard
# pyarrow says nothing of its types.

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV, Type
from sslmagic.wire import encode
from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.inspect.columns import check_pyarrow, write_columns
from sslmagic_cli.inspect.flat import COLUMNS
from sslmagic_cli.inspect.record import recorded
from tests.sslmagic.capture.made import CLIENT, SHOP, hello, judged

SAID = Preamble(
    source=CLIENT, destination=SHOP, tlvs=[TLV(Type.AUTHORITY, b"shop.example")]
)


def test_a_row_for_each_connection(tmp_path: Path) -> None:
    one = recorded(judged(encode(SAID) + hello())) | {"pair": 9}
    other = recorded(judged(opened=1 << 70))
    path = tmp_path / "a.parquet"
    write_columns(path, [one, other])
    table = pq.read_table(path)
    assert tuple(table.column_names) == COLUMNS
    first, second = table.to_pylist()
    assert first["opened"] == dt.datetime(2026, 11, 27, 1, tzinfo=dt.UTC)
    assert first["client_port"] == 51234
    assert first["tlvs"] == [
        {
            "type": 2,
            "name": "AUTHORITY",
            "value": "shop.example",
            "hex": "73686f702e6578616d706c65",
        }
    ]
    assert (first["alpn"], first["early_data"]) == (["h2", "http/1.1"], False)
    assert (first["seconds_preamble"], first["pair"]) == (0.001, 9)
    # No calendar has it, and nanoseconds in 64 bits have not either.
    assert second["opened"] is None
    assert (second["verdict"], second["client_host"]) == ("silent", None)
    assert first["begun"] is True


@pytest.mark.parametrize(
    ("opened", "said"),
    [
        (-62_000_000_000 * 1_000_000_000, None),
        (-(1 << 70), None),
        (-1_000_000_000, dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
    ],
)
def test_a_time_long_ago(tmp_path: Path, opened: int, said: dt.datetime | None) -> None:
    path = tmp_path / "a.parquet"
    write_columns(path, [recorded(judged(opened=opened))])
    assert pq.read_table(path).to_pylist()[0]["opened"] == said


def test_many_rows_are_written_in_groups(tmp_path: Path) -> None:
    one = recorded(judged(encode(SAID) + hello()))
    path = tmp_path / "a.parquet"
    write_columns(path, (one | {"number": n} for n in range(9000)))
    file = pq.ParquetFile(path)
    assert (file.metadata.num_rows, file.num_row_groups) == (9000, 2)


def test_octets_that_are_no_text_are_escaped(tmp_path: Path) -> None:
    record = recorded(judged(hello(b"a"), capture="\udcff.pcap"))
    path = tmp_path / "a.parquet"
    write_columns(path, [record])
    assert pq.read_table(path).to_pylist()[0]["capture"] == "\\udcff.pcap"


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file") as failed:
        write_columns(tmp_path / "no" / "a.parquet", [])
    assert failed.value.exit_code is Exit.CANNOT_CREATE


def test_the_extra_is_named_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(CommandError, match=r"pip install 'sslmagic\[parquet\]'") as no:
        check_pyarrow()
    assert no.value.exit_code is Exit.UNAVAILABLE
