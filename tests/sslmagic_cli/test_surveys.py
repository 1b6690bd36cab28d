"""surveys.py: what was heard at several addresses of one name, told together."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Came
from sslmagic.probe.report import Belief, Report, Speech, Trial
from sslmagic.probe.target import Target
from sslmagic_cli.surveys import described, drawn
from tests.sslmagic.probe.reports import refused, report, taken, trial


def at(host: str, one: Report) -> Report:
    target = Target(name="shop.example", address=Endpoint(host, 443))
    return dataclasses.replace(one, target=target)


def unreachable() -> Trial:
    one = trial(came=Came.UNREACHABLE)
    error = dataclasses.replace(one.answer, error="Connection refused")
    return dataclasses.replace(one, answer=error)


REQUIRING = report(taken("proxy2", belief=Belief.BELIEVED), refused("magic"))
PLAIN = report(refused("proxy2"), refused("magic"), speaks=Speech.TLS)
A, B = at("203.0.113.1", REQUIRING), at("203.0.113.2", REQUIRING)
OTHER = at("203.0.113.3", PLAIN)
GONE = at("2001:db8::1", report(first=unreachable()))


def told(*reports: Report, verbose: bool = False) -> list[str]:
    said = drawn(reports, verbose=verbose).splitlines()
    return [" ".join(line.split()) for line in said]


def in_json(*reports: Report) -> Any:
    return json.loads(json.dumps(described(reports)))


def test_one_address_is_told_as_it_is() -> None:
    assert told(A)[0].startswith("203.0.113.1:443 asked from")
    assert in_json(A)["others"] == []
    assert in_json(A)["alike"] is True


def test_addresses_that_do_the_same_are_told_once() -> None:
    said = told(A, B)
    assert said[0] == "shop.example: 2 addresses asked; they do the same."
    assert "203.0.113.1:443 closes required, believed refused" in said
    assert "203.0.113.2:443 closes required, believed refused" in said
    assert sum("asked from" in line for line in said) == 1
    assert said[-1].endswith("The same at 203.0.113.2:443.")
    assert sum("asked from" in line for line in told(A, B, verbose=True)) == 2


def test_addresses_that_do_not_are_told_each() -> None:
    said = told(A, OTHER)
    assert said[0] == "shop.example: 2 addresses asked; they do not do the same."
    assert "203.0.113.3:443 TLS refused refused" in said
    assert sum("asked from" in line for line in said) == 2
    assert in_json(A, OTHER)["alike"] is False


def test_an_address_where_nobody_listens_is_a_line() -> None:
    said = told(GONE, A)
    assert said[0] == "shop.example: 2 addresses asked, of which 1 can be reached."
    assert "No connection to [2001:db8::1]:443: Connection refused" in said
    assert sum("asked from" in line for line in said) == 1
    assert told(GONE, A, B)[0].endswith("of which 2 can be reached; they do the same.")
    assert in_json(GONE, A, B)["alike"] is True


def test_json_is_of_the_first_address_where_anybody_listens() -> None:
    said = in_json(GONE, A, OTHER)
    assert said["target"]["host"] == "203.0.113.1"
    assert said["reachable"] is True
    gone, other = said["others"]
    assert (gone["target"]["host"], gone["reachable"]) == ("2001:db8::1", False)
    assert gone["verdict"] == "No connection to [2001:db8::1]:443: Connection refused."
    assert other["target"]["host"] == "203.0.113.3"
    assert "others" not in other
