"""The options that every server's command has, beside the server's own."""

from __future__ import annotations

import pickle
import runpy
from importlib import import_module
from pathlib import Path

import pytest

from sslmagic import Trust, servers
from sslmagic.errors import ConfigurationError
from sslmagic.layout import Layout
from sslmagic.reception import DEADLINE
from sslmagic.servers.command import (
    CONFIGURATION,
    NO_INPUT,
    UNAVAILABLE,
    USAGE,
    command,
)
from sslmagic.servers.entrance import Entrance
from sslmagic.servers.resources import AddressError
from tests.sslmagic.wire.layouts import SPP

Taken = tuple[Entrance, list[str]]


def taken(*arguments: str) -> Taken:
    """What the server is called with."""
    calls: list[Taken] = []
    command("someserver", arguments, lambda *call: calls.append(call))
    (call,) = calls
    return call


def ended(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and what stands on stderr."""
    with pytest.raises(SystemExit) as end:
        taken(*arguments)
    assert isinstance(end.value.code, int)
    return end.value.code, capsys.readouterr().err


def test_the_servers_own_arguments_keep_their_order() -> None:
    words = ["app:app", "--host", "::1", "-w", "2", "--reload", "--x=y", "-v"]
    with_ours = words.copy()
    with_ours[1:1] = ["--trust", "10.0.0.0/8"]
    with_ours[5:5] = ["--preamble=proxy2"]
    with_ours.append("--anyone")
    entrance, rest = taken(*with_ours)
    assert rest == words
    assert entrance == Entrance(Trust(["10.0.0.0/8"], formats=["proxy2"], anyone=True))


def test_everything_has_its_option() -> None:
    entrance, rest = taken(
        *("--trust", "10.0.0.0/8", "--trust", "unix"),
        *("--preamble", "magic", "--preamble", "proxy1"),
        *("--direct", "10.1.0.0/16", "--others", "direct"),
        *("--direct-listen", "127.0.0.1:8081", "--direct-listen", "[::1]:8081"),
        *("--local", "refuse", "--allow-loopback-source"),
        *("--deadline", "3.5", "--waiting", "7"),
    )
    assert rest == []
    trust = Trust(
        ["10.0.0.0/8", "unix"],
        ["10.1.0.0/16"],
        "direct",
        ["magic", "proxy1"],
        local="refuse",
        loopback_sources=True,
    )
    assert entrance == Entrance(
        trust,
        direct_listen=["127.0.0.1:8081", "[::1]:8081"],
        deadline=3.5,
        waiting=7,
    )


def test_magic_is_what_is_required_unless_said() -> None:
    entrance, _ = taken("--trust", "10.0.0.0/8")
    assert entrance.trust.formats == ("magic",)
    assert entrance.deadline == DEADLINE


def test_a_layout_is_one_more_preamble(tmp_path: Path) -> None:
    layout = Layout("spp", SPP.variants)
    file = tmp_path / "spp.toml"
    file.write_text(layout.text())
    words = ("--trust", "10.0.0.1", "--preamble", "spp", "--layout", str(file))
    entrance, rest = taken(*words)
    assert rest == []
    assert entrance.trust.formats == (layout,)
    assert pickle.loads(pickle.dumps(entrance)) == entrance


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [(None, NO_INPUT, "No such file"), ("x = 1", CONFIGURATION, "'x' is no key")],
)
def test_a_file_that_is_no_layout(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    text: str | None,
    code: int,
    said: str,
) -> None:
    file = tmp_path / "spp.toml"
    if text is not None:
        file.write_text(text)
    ending = ended(capsys, "--trust", "10.0.0.1", "--layout", str(file))
    assert ending[0] == code
    assert said in ending[1]


@pytest.mark.parametrize(
    ("names", "times", "said"),
    [
        ((), 1, "say --preamble spp as well"),
        (("magic",), 1, "say --preamble spp as well"),
        (("spp",), 2, "another is 'spp'"),
    ],
)
def test_a_layout_that_is_not_the_one_format_of_its_name(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    names: tuple[str, ...],
    times: int,
    said: str,
) -> None:
    """What is asked for would not be what is accepted."""
    words = ["--trust", "10.0.0.1"]
    for name in names:
        words += ["--preamble", name]
    file = tmp_path / "spp.toml"
    file.write_text(Layout("spp", SPP.variants).text())
    words += ["--layout", str(file)] * times
    ending = ended(capsys, *words)
    assert ending[0] == USAGE
    assert f"argument --layout: {file}: {said}" in ending[1]


def test_an_abbreviation_is_the_servers() -> None:
    assert taken("--trust", "10.0.0.1", "--dead", "1")[1] == ["--dead", "1"]


def test_arguments_are_the_processs_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["server", "app:app", "--trust", "10.0.0.1"])
    calls: list[Taken] = []
    command("someserver", None, lambda *call: calls.append(call))
    assert [rest for _, rest in calls] == [["app:app"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["app:app"], "--trust"),
        (["--trust", "10.0.0.1", "--preamble", "spp"], "spp"),
        (["--trust", "10.0.0.1", "--deadline", "soon"], "soon"),
    ],
)
def test_a_wrong_use_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, line = ended(capsys, *arguments)
    assert code == USAGE
    assert line.startswith("magic: ")
    assert said in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trust", "0.0.0.0/0"], "anybody could claim any address"),
        (["--trust", "10.0.0.1/8"], "10.0.0.1/8"),
        (["--trust", "10.0.0.1", "--direct-listen", "x"], "direct_listen"),
    ],
)
def test_what_cannot_work_is_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    code, line = ended(capsys, *arguments)
    assert code == CONFIGURATION
    assert said in line
    assert line.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigurationError("a mistake"), CONFIGURATION, "magic: a mistake\n"),
        (AddressError(98, "cannot listen"), UNAVAILABLE, "magic: cannot listen\n"),
        (AddressError("no reason"), UNAVAILABLE, "magic: no reason\n"),
    ],
)
def test_what_the_server_raises_is_one_line(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: str
) -> None:
    def serve(entrance: Entrance, arguments: list[str]) -> None:
        raise error

    with pytest.raises(SystemExit) as end:
        command("someserver", ["--trust", "10.0.0.1"], serve)
    assert end.value.code == code
    assert capsys.readouterr().err == said


def test_what_the_application_raises_is_its_own() -> None:
    """A database that refuses it, say: one line would not say where."""

    def serve(entrance: Entrance, arguments: list[str]) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    with pytest.raises(ConnectionRefusedError):
        command("someserver", ["--trust", "10.0.0.1"], serve)


@pytest.mark.parametrize(
    "module", ["socketserver", "tornado", "websockets", "websockets_sync", "wsgiref"]
)
def test_a_module_without_a_command_says_so(module: str) -> None:
    # By its path, because it may have been imported, of which runpy warns otherwise.
    path = Path(servers.__path__[0], f"{module}.py")
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(path), run_name="__main__")
    said = f"magic: sslmagic.servers.{module} has no command: call its run()"
    assert end.value.code == said
    assert callable(vars(import_module(f"sslmagic.servers.{module}"))["run"])


def test_help_names_the_options_and_where_the_others_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as end:
        taken("--help")
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert "--direct-listen ADDR" in said
    assert "someserver's own" in " ".join(said.split())
