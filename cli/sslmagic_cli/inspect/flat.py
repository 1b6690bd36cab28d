"""A connection as one row of a table: the columns of `--csv` and `--parquet`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["COLUMNS", "row"]

COLUMNS: Final = (
    *("number", "capture", "begun", "opened", "verdict", "words", "offset", "format"),
    *("client_host", "client_port", "peer_host", "peer_port"),
    *("listener_host", "listener_port", "vlans"),
    *("command", "transport", "source_host", "source_port"),
    *("destination_host", "destination_port", "preamble_length", "tlvs"),
    *("follows", "server_name", "alpn", "versions", "early_data", "answer"),
    *("seconds_accepted", "seconds_preamble", "seconds_hello", "seconds_answer"),
    *("seconds_closed", "ended", "ended_by", "octets_peer", "octets_listener"),
    *("packets", "retransmitted", "reordered", "conflicting", "pair"),
)
"""Their names, in their order. A UNIX path stands where a host does."""


def row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a record, by column."""
    preamble: Mapping[str, Any] = record["preamble"] or {}
    tls: Mapping[str, Any] = record["tls"] or {}
    flat = {name: record[name] for name in record if not isinstance(record[name], dict)}
    ends: dict[str, Mapping[str, Any] | None] = {
        "client": record["client"],
        "peer": record["peer"],
        "listener": record["listener"],
        "source": preamble.get("source"),
        "destination": preamble.get("destination"),
    }
    for name, endpoint in ends.items():
        found = endpoint or {}
        flat[f"{name}_host"] = found.get("host", found.get("path"))
        flat[f"{name}_port"] = found.get("port")
    flat["command"] = preamble.get("command")
    flat["transport"] = preamble.get("transport")
    flat["preamble_length"] = preamble.get("length")
    flat["tlvs"] = [_tlv(tlv) for tlv in preamble.get("tlvs", ())]
    flat |= {name: tls.get(name) for name in ("server_name", "early_data")}
    flat |= {name: tls.get(name, []) for name in ("alpn", "versions")}
    flat |= {f"seconds_{name}": time for name, time in record["seconds"].items()}
    flat |= {f"octets_{name}": count for name, count in record["octets"].items()}
    return {name: flat[name] for name in COLUMNS}


def _tlv(tlv: Mapping[str, Any]) -> dict[str, Any]:
    value = tlv["value"]
    said = None if value is None or isinstance(value, dict) else str(value)
    return {"type": tlv["type"], "name": tlv["name"], "value": said, "hex": tlv["hex"]}
