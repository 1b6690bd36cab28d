"""gunicorn's settings: what may not be on, whoever turned it on."""

from __future__ import annotations

from typing import Any

import pytest
from gunicorn.config import Config

from sslmagic import UnixEndpoint
from sslmagic.errors import ConfigurationError
from sslmagic.preamble import Endpoint
from sslmagic.servers.gunicorn_settings import OFF, Kind, binds, check, kind

WHERE = "tests.sslmagic.servers.test_gunicorn_settings"


def config(**settings: Any) -> Any:
    made = Config()
    for name, value in {**OFF, **settings}.items():
        made.set(name, value)
    return made


class Base:
    """Not one of gunicorn's."""


class UvicornWorker(Base):
    """Nor is this, for all its name."""


def test_our_defaults_are_off() -> None:
    check(config())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("forwarded_allow_ips", "127.0.0.1,::1"),
        ("forwarded_allow_ips", "*"),
        ("secure_scheme_headers", {"X-FORWARDED-PROTO": "https"}),
        ("forwarder_headers", "SCRIPT_NAME,PATH_INFO"),
        ("proxy_allow_ips", "10.0.0.0/8"),
        ("proxy_protocol", "auto"),
        ("proxy_protocol", True),
        ("http2_cleartext", "prior-knowledge"),
        ("http2_cleartext", "upgrade"),
    ],
)
def test_whatever_believes_others_is_refused(option: str, value: Any) -> None:
    # gunicorn's own defaults too, where they were asked for.
    with pytest.raises(ConfigurationError, match=option):
        check(config(**{option: value}))


@pytest.mark.parametrize("name", ["FORWARDED_ALLOW_IPS", "PROXY_ALLOW_FROM"])
def test_the_environment_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=name):
        check(config(raw_env=[f"{name}=*"]))
    monkeypatch.setenv(name, "10.0.0.1")
    with pytest.raises(ConfigurationError, match=name):
        check(config())


def test_another_protocol_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="uwsgi"):
        check(config(protocol="uwsgi"))


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, Kind.WSGI),
        ({"threads": 2}, Kind.WSGI),
        ({"worker_class": "gthread"}, Kind.WSGI),
        ({"worker_class": "asgi"}, Kind.ASGI),
        ({"worker_class": "uvicorn_worker.UvicornWorker"}, Kind.UVICORN),
        ({"worker_class": "uvicorn_worker.UvicornH11Worker"}, Kind.UVICORN),
    ],
)
def test_workers_are_known(settings: dict[str, Any], found: Kind) -> None:
    assert kind(config(**settings)) is found


@pytest.mark.parametrize(
    "worker",
    ["gevent", "eventlet", "tornado", f"{WHERE}.Base", f"{WHERE}.UvicornWorker"],
)
def test_workers_that_are_not_are_refused(worker: str) -> None:
    with pytest.raises(ConfigurationError, match="worker_class"):
        kind(config(worker_class=worker))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("proxy_headers", True),
        ("forwarded_allow_ips", "*"),
        ("reset_contextvars", True),
    ],
)
def test_a_worker_may_not_turn_it_on_either(option: str, value: Any) -> None:
    uvicorn_worker = pytest.importorskip("uvicorn_worker")

    settings = {"CONFIG_KWARGS": {option: value}}
    own = type("Own", (uvicorn_worker.UvicornWorker,), settings)
    with pytest.raises(ConfigurationError, match=option):
        kind(config(worker_class=own))


def test_second_addresses_are_told_by_their_names() -> None:
    texts, names = binds(["127.0.0.1:8081", "[2001:DB8::1]:8082", "unix:/run/app"])
    assert texts == ("127.0.0.1:8081", "[2001:db8::1]:8082", "unix:/run/app")
    assert names == {
        Endpoint("127.0.0.1", 8081),
        Endpoint("2001:db8::1", 8082),
        UnixEndpoint("/run/app"),
    }
    assert binds([":8083"])[0][0] in ("[::]:8083", "0.0.0.0:8083")
    with pytest.raises(ConfigurationError, match="port"):
        binds(["127.0.0.1:0"])
