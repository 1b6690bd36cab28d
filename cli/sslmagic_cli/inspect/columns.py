# pyright: standard
# pyarrow says nothing of its types.
"""`--parquet`: the rows for whoever asks many captures at once; needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from sslmagic.anatomy import printable
from sslmagic_cli import newfile
from sslmagic_cli.atomicfile import replaced
from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.inspect.flat import COLUMNS, row
from sslmagic_cli.inspect.record import nanoseconds

__all__ = ["check_pyarrow", "write_columns"]

_BATCH: Final = 8192
"""Rows of a group: what is held in memory at a time."""
_LARGEST: Final = (1 << 63) - 1

_TYPES: Final = {
    "number": "int64",
    "begun": "bool",
    "opened": "timestamp",
    "offset": "int32",
    "vlans": "vlans",
    "tlvs": "tlvs",
    "alpn": "strings",
    "versions": "strings",
    "early_data": "bool",
    "octets_peer": "int64",
    "octets_listener": "int64",
    "packets": "int64",
    "retransmitted": "int64",
    "reordered": "int64",
    "conflicting": "int64",
    "pair": "int64",
    "preamble_length": "int32",
}
"""What is no text, time or port."""


def check_pyarrow() -> None:
    """Raise `CommandError` if it is not here: before a capture is read for an hour."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise CommandError(
            "--parquet needs pyarrow: pip install 'sslmagic[parquet]'",
            Exit.UNAVAILABLE,
        ) from None


def write_columns(path: Path, connections: Iterable[Mapping[str, Any]]) -> None:
    """Write a Parquet file with a row for each connection, all of it or none.

    Raises:
        CommandError: it cannot be written, or pyarrow is not installed.
    """
    check_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    with (
        newfile.writing(str(path)),
        replaced(path) as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        batch: list[dict[str, Any]] = []
        for record in connections:
            batch.append(_values(record))
            if len(batch) == _BATCH:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch.clear()
        writer.write_table(pa.Table.from_pylist(batch, schema=schema))


def _schema() -> Any:
    import pyarrow as pa

    tlv = {
        "type": pa.uint8(),
        "name": pa.string(),
        "value": pa.string(),
        "hex": pa.string(),
    }
    types = {
        "int32": pa.int32(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("ns", tz="UTC"),
        "vlans": pa.list_(pa.uint16()),
        "strings": pa.list_(pa.string()),
        "tlvs": pa.list_(pa.struct(tlv)),
        "port": pa.uint16(),
        "seconds": pa.float64(),
        "string": pa.string(),
    }
    return pa.schema([(name, types[_type(name)]) for name in COLUMNS])


def _type(column: str) -> str:
    if column.endswith("_port"):
        return "port"
    return "seconds" if column.startswith("seconds_") else _TYPES.get(column, "string")


def _values(record: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: _value(value) for name, value in row(record).items()}
    opened = nanoseconds(record["opened"])
    values["opened"] = opened if -_LARGEST <= opened <= _LARGEST else None
    return values


def _value(value: Any) -> Any:
    match value:
        case str():
            # A path may be no UTF-8, and Arrow takes nothing else.
            return printable(value)
        case list():
            return [_value(one) for one in value]
        case dict():
            return {name: _value(one) for name, one in value.items()}
        case _:
            return value
