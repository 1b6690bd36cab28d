"""spool.py: what is put in comes out, with its pair."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from sslmagic_cli.inspect.spool import Spool


def test_records_come_out_in_their_order_with_their_pairs() -> None:
    with contextlib.closing(Spool()) as spool:
        padding = "x 1\n" * 2500
        records: list[dict[str, Any]] = [
            {"number": n, "pad": padding, "pair": None} for n in range(300)
        ]
        for record in records:
            spool.add(record["number"], json.dumps({"pad": padding})[1:-1].encode())
        assert spool.count == 300
        assert list(spool.records({5: 7})) == [
            one | {"pair": 7 if one["number"] == 5 else None} for one in records
        ]
        assert next(spool.bodies()) == (0, json.dumps({"pad": padding})[1:-1].encode())
        assert list(spool.texts({})) == [json.dumps(one).encode() for one in records]
