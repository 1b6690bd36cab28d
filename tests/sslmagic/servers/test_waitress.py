"""waitress: its own servers, each behind a listener."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.listener import Listener
from sslmagic.servers import waitress
from tests.interop.peers import Port, Process
from tests.interop.serving.waitress import VARIANTS
from tests.interop.serving.wsgi_app import app
from tests.sslmagic.receiving import CLIENT, LOOPBACK, open_descriptors
from tests.sslmagic.servers.conduct import (
    FORGED,
    STRANGER,
    Rule,
    Running,
    asked,
    kept_by,
)

(VARIANT,) = VARIANTS
COMMAND = [sys.executable, "-m", "sslmagic.servers.waitress"]


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize(
    "options",
    [
        {"trusted_proxy": "*"},
        {"trusted_proxy": "10.0.0.1", "trusted_proxy_headers": {"x-forwarded-for"}},
        {"trusted_proxy": "10.0.0.1", "trusted_proxy_count": 2},
    ],
)
def test_its_own_trust_in_headers_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="trusted_proxy"):
        waitress.run(app, trust=LOOPBACK, port=0, **options)


def test_each_of_its_addresses_takes_preambles_off() -> None:
    server = waitress.create_server(
        app, trust=LOOPBACK, listen="127.0.0.1:0 [::1]:0", direct_listen="127.0.0.1:0"
    )
    try:
        listeners = [
            one.socket for one in server.map.values() if hasattr(one, "effective_port")
        ]
        assert [type(one) for one in listeners] == [Listener] * 3
        assert [one.trust.others for one in listeners] == ["refuse", "refuse", "direct"]
    finally:
        server.close()


def test_it_does_not_watch_by_select_unless_told() -> None:
    """A thousand that wait for their preamble would end it: see test_crowd.py."""
    told: tuple[dict[str, Any], ...] = ({}, {"asyncore_use_poll": False})
    for options in told:
        server = waitress.create_server(
            app, trust=LOOPBACK, listen="127.0.0.1:0", **options
        )
        assert server.adj.asyncore_use_poll is not bool(options)
        server.close()


def test_an_address_in_use_leaves_nothing_open() -> None:
    port = Port()
    before = open_descriptors()
    with port._held as held:
        held.listen()
        with pytest.raises(OSError, match="in use"):
            waitress.create_server(
                app,
                trust=LOOPBACK,
                host=port.host,
                port=port.number,
                direct_listen="127.0.0.1:0",
            )
        assert open_descriptors() == before


def test_its_own_mistakes_stay_its_own() -> None:
    with pytest.raises(ValueError, match="Unknown adjustment"):
        waitress.create_server(app, trust=LOOPBACK, nonsense=1)


def test_the_command_takes_its_own_options(tmp_path: Path) -> None:
    port, second = Port(), Port()
    path = "tests.interop.serving.wsgi_app:app"
    options = [f"--listen={port}", "--threads", "2", "--no-expose-tracebacks", path]
    ours = ["--trust", "127.0.0.0/8", "--direct-listen", str(second)]
    with Process(
        [*COMMAND, *options, *ours], log=tmp_path / "log", ports=[port, second]
    ) as process:
        assert asked(port.address, request=FORGED)["client"] == list(CLIENT)
        said = asked(second.address, b"", request=FORGED)
        process.until_said(rf"Serving on http://{port}")
    assert said["client"][0] == "127.0.0.1"
    assert STRANGER not in str(said["client"])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (
            ["--trusted-proxy=*", "tests.interop.serving.wsgi_app:app"],
            78,
            "trusted_proxy",
        ),
        (["--nonsense", "a:b"], 1, "nonsense"),
        (["nowhere:app"], 1, "nowhere"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str],
    code: int,
    said: str,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])  # waitress adds to it
    with pytest.raises(SystemExit) as ended:
        waitress.main([*words, "--trust", "127.0.0.0/8"])
    assert ended.value.code == code
    assert said in capfd.readouterr().err
