"""Our own strictness on the wire, and that the measured page measures."""

from __future__ import annotations

import pytest

from tests.interop.conformance import (
    JUDGED,
    OURS,
    PAGE,
    REFUSED,
    measure,
    page,
    running,
    vectors,
)
from tests.interop.peers import needs


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    with running(tmp_path_factory.mktemp("conformance")) as (authority, receivers):
        return {
            name: measure(authority, addresses, vectors())
            for name, addresses in receivers.items()
        }


def test_every_vector_comes_out_of_our_own_listener_as_it_should(
    columns: dict[str, list[str]],
) -> None:
    wrong = {
        f"{vector.format} {vector.id}": (outcome, vector.expected)
        for vector, outcome in zip(vectors(), columns[OURS], strict=True)
        if outcome != vector.expected
    }
    assert wrong == {}


@pytest.mark.parametrize("name", JUDGED)
def test_a_peer_takes_what_is_plain_and_refuses_what_is_none(
    columns: dict[str, list[str]], name: str
) -> None:
    """Else the page would say that a peer is strict which in fact never ran."""
    needs(*JUDGED[name].needs)
    outcomes = {
        (vector.format, vector.id): (outcome, vector.expected)
        for vector, outcome in zip(vectors(), columns[name], strict=True)
    }
    for format in ("proxy1", "proxy2"):
        for plain in ("tcp4", "tcp6"):
            outcome, expected = outcomes[format, plain]
            assert outcome == expected
    assert outcomes["proxy1", "leading-space"][0] == REFUSED


def test_page_counts_every_vector_once_for_each_receiver(
    columns: dict[str, list[str]],
) -> None:
    table = page(columns, vectors()).partition("## ")[0].splitlines()
    rows = [line.split("|")[2:-1] for line in table if line.startswith("| ")][2:]
    for column in zip(*rows, strict=True):
        assert sum(map(int, column)) == len(vectors())


def test_page_is_of_these_vectors() -> None:
    """Peers' versions differ from machine to machine, and the vectors do not."""
    judged = vectors()
    valid = sum(vector.expected != REFUSED for vector in judged)
    said = f"{len(judged)}, of which {valid} are valid"
    assert said in " ".join(PAGE.read_text().split())
