"""Each claim of a scene breaks when what it says is not so."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from sslmagic import Trust
from sslmagic_cli.demo import scenes
from sslmagic_cli.demo.backend import GATEWAY, ClearBackend
from sslmagic_cli.demo.gateway import Gateway
from sslmagic_cli.demo.scenes import Claim
from sslmagic_cli.demo.stage import Stage


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage.set_up() as stage:
        yield stage


def broken(claims: list[Claim]) -> list[str]:
    return [claim.said for claim in claims if not claim.holds]


def swapped(stage: Stage, **gateways: str) -> Stage:
    """The stage with other gateways under these names."""
    others = {name: stage.gateways[other] for name, other in gateways.items()}
    return dataclasses.replace(stage, gateways={**stage.gateways, **others})


def test_all_claims_hold(stage: Stage) -> None:
    assert broken(scenes.plain(stage).claims) == []
    assert broken(scenes.enhanced(stage).claims) == []
    assert broken(scenes.formats(stage).claims) == []
    assert broken(scenes.spoofing(stage).claims) == []
    assert broken(scenes.clear(stage).claims) == []


def test_backend_that_sees_the_client_breaks_the_first_scene(stage: Stage) -> None:
    assert len(broken(scenes.plain(swapped(stage, none="magic")).claims)) == 1


def test_gateway_without_preamble_breaks_the_second(stage: Stage) -> None:
    assert len(broken(scenes.enhanced(swapped(stage, magic="none")).claims)) == 3


def test_another_format_breaks_what_is_said_of_the_octets(stage: Stage) -> None:
    assert len(broken(scenes.enhanced(swapped(stage, magic="proxy2")).claims)) == 2


def test_one_format_without_the_client_breaks_the_third(stage: Stage) -> None:
    assert len(broken(scenes.formats(swapped(stage, proxy1="none")).claims)) == 1


def test_spoofer_that_is_answered_breaks_the_fourth(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He stands where the backend's trust lies."""
    monkeypatch.setattr(scenes, "SPOOFER", GATEWAY)
    monkeypatch.setattr(scenes, "PATIENCE", 0.2)
    assert broken(scenes.spoofing(stage).claims) == [
        "a peer that is not trusted gets nothing",
        "the backend counts each by its reason",
    ]


def test_gateway_that_reads_no_http_breaks_the_fifth(stage: Stage) -> None:
    options = ("--protocol", "client_first", "--enhance", "none")
    with (
        ClearBackend(Trust(peers=[GATEWAY])) as backend,
        Gateway(backend.address, *options) as gateway,
    ):
        blind = dataclasses.replace(stage, gateways={**stage.gateways, "http": gateway})
        assert len(broken(scenes.clear(blind).claims)) == 2
