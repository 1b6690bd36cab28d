"""uvicorn: ASGI on asyncio and uvloop, with its TLS, reload and worker processes.

    python -m sslmagic.servers.uvicorn app:app --ssl-certfile … --trust 10.0.0.0/8

uvicorn makes its servers itself, in each worker process, out of its configuration: so
the entrance travels in that.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import uvicorn
from click.core import ParameterSource
from uvicorn.supervisors import ChangeReload, Multiprocess

from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING, Listener
from sslmagic.reception import DEADLINE
from sslmagic.relay.listening import UnixFile
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance, believes_headers
from sslmagic.servers.resources import check_chain, listening_on
from sslmagic.servers.uvicorn_config import ClientConfig
from sslmagic.trust import Trust

__all__ = ["Config", "main", "run"]

_FORWARDED = "FORWARDED_ALLOW_IPS"
_STARTUP_FAILURE = 3
"""What uvicorn ends with when it could not start."""


class Config(ClientConfig):
    """A configuration of uvicorn whose servers take preambles off.

    Args:
        app: the application, or where it is, as uvicorn takes it.
        entrance: how connections are received.
        options: uvicorn's own.

    Raises:
        ConfigurationError: *options* turn uvicorn's own handling of forwarded headers
            on, or its tasks away from their connections; or its TLS files are none.
    """

    def __init__(self, app: Any, *, entrance: Entrance, **options: Any) -> None:
        _check(options)
        options["proxy_headers"] = False
        super().__init__(app, **options)
        if _FORWARDED in os.environ:
            # In its env_file too, which uvicorn has read by now.
            raise believes_headers(f"the environment's {_FORWARDED}")
        if self.ssl_certfile or self.ssl_keyfile:
            check_chain(self.ssl_certfile, self.ssl_keyfile, self.ssl_keyfile_password)
        self.entrance = entrance
        self._entrances: dict[Any, Entrance] = {}

    def bind(self, ending: contextlib.ExitStack) -> list[socket.socket]:
        """Return the listening sockets, the one of `bind_socket` first.

        Args:
            ending: with which files of UNIX sockets are removed.

        Raises:
            AddressError: an address cannot be had.
        """
        if self.uds and (path := Path(self.uds)).is_socket():
            # A server that was killed leaves it behind; uvicorn's own does this, too.
            path.unlink()
        main = self._bind_main()
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(main.close)
            if self.uds:
                with listening_on(self.uds):
                    ending.callback(UnixFile(Path(self.uds)).remove)
            direct = self.entrance.direct_sockets(ending)
            unfinished.pop_all()
        self._entrances = {sock.getsockname(): self.entrance.direct for sock in direct}
        self._entrances[main.getsockname()] = self.entrance
        return [main, *direct]

    def _bind_main(self) -> socket.socket:
        try:
            return self.bind_socket()
        except SystemExit as ended:
            # It has logged why, and not where.
            if not isinstance(ended.__context__, OSError):
                raise
            with listening_on(self.uds or f"{self.host}, port {self.port}"):
                raise ended.__context__ from None

    def listener(self, sock: socket.socket) -> Listener | None:
        """Return what takes over one of the sockets of `bind`."""
        # An application may listen too, for whatever it likes.
        entrance = self._entrances.get(sock.getsockname())
        return None if entrance is None else entrance.listener(sock)


class _Server(uvicorn.Server):
    """A server that serves in the process that made its sockets.

    Args:
        config: uvicorn's.
        ending: what ends with it. uvicorn raises the signals that it caught once more
            as soon as it has shut down, and SIGTERM lets nothing else run then.
    """

    def __init__(self, config: Config, ending: contextlib.ExitStack) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the connections and the application, and remove the sockets' files."""
        with self._ending:
            await super().shutdown(sockets)


def run(
    app: Any,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve as `uvicorn.run` does, with its options.

    Args:
        app: the application, or where it is.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.
        options: uvicorn's own.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    _serve(app, entrance, options)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command `uvicorn` does, with its options and `--trust`."""
    command("uvicorn", arguments, _serve_arguments)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    try:
        with uvicorn.main.make_context("uvicorn", arguments) as context:
            options = dict(context.params)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    app = options.pop("app")
    options["headers"] = [header.split(":", 1) for header in options["headers"] or ()]
    for name in ("reload_dirs", "reload_includes", "reload_excludes"):
        options[name] = options[name] or None
    if options["log_config"] is None:
        del options["log_config"]
    if context.get_parameter_source("proxy_headers") is ParameterSource.DEFAULT:
        del options["proxy_headers"]
    _serve(app, entrance, options)


def _serve(app: Any, entrance: Entrance, options: dict[str, Any]) -> None:
    app_dir = options.pop("app_dir", None)
    if app_dir is not None:
        sys.path.insert(0, app_dir)
    config = Config(app, entrance=entrance, **options)
    processes = config.reload or config.workers > 1
    if processes and not isinstance(app, str):
        raise ConfigurationError("reload and workers need the application's place")
    ending = contextlib.ExitStack()
    server = None if processes else _Server(config, ending)
    with contextlib.suppress(KeyboardInterrupt), ending:
        sockets = config.bind(ending)
        if server is not None:
            server.run(sockets)
        elif config.reload:
            # Another, for it travels to each worker, which removes no files.
            worker = uvicorn.Server(config)
            ChangeReload(config, target=worker.run, sockets=sockets).run()
        else:
            Multiprocess(config, sockets=sockets).run()
    if server is not None and not server.started:
        sys.exit(_STARTUP_FAILURE)


def _check(options: dict[str, Any]) -> None:
    if options.get("proxy_headers"):
        raise believes_headers("proxy_headers")
    if options.get("forwarded_allow_ips") is not None:
        raise believes_headers("forwarded_allow_ips")
    if options.get("reset_contextvars"):
        raise ConfigurationError(
            "reset_contextvars: requests would no longer know their connection"
        )


if __name__ == "__main__":
    main()
