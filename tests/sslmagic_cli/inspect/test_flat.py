"""flat.py: every name of a record has its column."""

from __future__ import annotations

from sslmagic.wire import encode
from sslmagic_cli.inspect.flat import COLUMNS, row
from sslmagic_cli.inspect.record import recorded
from tests.sslmagic.capture.made import PREAMBLE, hello, judged


def test_a_record_is_flattened() -> None:
    said = row(recorded(judged(encode(PREAMBLE) + hello())))
    assert tuple(said) == COLUMNS
    assert (said["client_host"], said["client_port"]) == ("203.0.113.9", 51234)
    assert (said["source_host"], said["destination_port"]) == ("203.0.113.9", 443)
    assert (said["server_name"], said["alpn"]) == ("shop.example", ["h2", "http/1.1"])
    assert said["seconds_preamble"] == 0.001
    assert said["octets_peer"] == 24 + len(hello())


def test_without_a_preamble_most_is_null() -> None:
    said = row(recorded(judged()))
    assert said["client_host"] is said["command"] is said["server_name"] is None
    assert said["tlvs"] == said["alpn"] == []
    assert len(COLUMNS) == len(set(COLUMNS))
