"""hypercorn: ASGI and WSGI on asyncio and uvloop, with its TLS and worker processes.

    python -m sslmagic.servers.hypercorn app:app --certfile … --trust 10.0.0.0/8

hypercorn's own supervisor starts the workers, and hands each its configuration: so the
entrance travels in that, and each worker makes its loop itself.
"""

# pyright: standard
# hypercorn's types are partly unknown.

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import sys
from collections.abc import Callable, Generator, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.synchronize import Event
from types import ModuleType
from typing import Any

import hypercorn.__main__ as hypercorn_command
import hypercorn.asyncio.run as hypercorn_workers
import hypercorn.config
import hypercorn.run
from hypercorn.app_wrappers import WSGIWrapper
from hypercorn.typing import AppWrapper
from hypercorn.utils import (
    check_multiprocess_shutdown_event,
    load_application,
    wrap_app,
)

from sslmagic.asgi import ClientScope
from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING, Listener
from sslmagic.listener.peername import IPName
from sslmagic.loopserver import CLIENT, teach
from sslmagic.reception import DEADLINE
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.inet import InetListener
from sslmagic.servers.resources import check_chain, listening_on
from sslmagic.trust import Trust
from sslmagic.wsgi import ClientEnviron

__all__ = ["Config", "main", "run", "worker"]

_LOOPS = ("asyncio", "uvloop")
"""Workers, each named like the module that makes its loop."""


class Config(hypercorn.config.Config):
    """A configuration of hypercorn whose workers take preambles off.

    Args:
        entrance: how connections are received.
        settings: hypercorn's configuration, whose every value is taken over.
        ending: with which files of second addresses are removed; it stays behind when
            the configuration travels to a worker.

    Raises:
        ConfigurationError: a setting cannot be had beside preambles.
    """

    def __init__(
        self,
        entrance: Entrance,
        settings: hypercorn.config.Config,
        ending: contextlib.ExitStack,
    ) -> None:
        super().__init__()
        vars(self).update(vars(settings))
        if self.quic_bind:
            raise ConfigurationError(
                "quic_bind: a preamble is at the head of a TCP connection, and QUIC is"
                " none"
            )
        if self.worker_class not in _LOOPS:
            raise ConfigurationError(
                f"worker_class={self.worker_class!r}: preambles are taken off on"
                f" {' and '.join(_LOOPS)}"
            )
        if find_spec(self.worker_class) is None:
            raise ConfigurationError(
                f"worker_class={self.worker_class!r}: it is not installed"
            )
        if (self.certfile is None) is not (self.keyfile is None):
            raise ConfigurationError(
                "certfile and keyfile: with one of them hypercorn serves without TLS;"
                " name both, and the same file twice if it holds both"
            )
        if self.certfile is not None:
            check_chain(self.certfile, self.keyfile, self.keyfile_password)
        self.entrance = entrance
        self._ending = ending
        self._direct: tuple[Any, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_ending"}

    def create_sockets(self) -> hypercorn.config.Sockets:
        """Return the sockets of all binds, and of the second addresses.

        Raises:
            OSError: an address cannot be had.
        """
        with listening_on(" and ".join([*self.bind, *self.insecure_bind])):
            sockets = super().create_sockets()
        direct = self.entrance.direct_sockets(self._ending)
        self._direct = tuple(sock.getsockname() for sock in direct)
        same = sockets.secure_sockets if self.ssl_enabled else sockets.insecure_sockets
        same.extend(direct)
        return sockets

    def listening(self, sockets: hypercorn.config.Sockets) -> hypercorn.config.Sockets:
        """Return the listeners that take these sockets over, in a worker."""
        return hypercorn.config.Sockets(
            list(map(self._listener, sockets.secure_sockets)),
            list(map(self._listener, sockets.insecure_sockets)),
            [],
        )

    def _listener(self, sock: socket.socket) -> Listener:
        direct = sock.getsockname() in self._direct
        entrance = self.entrance.direct if direct else self.entrance
        return entrance.listener(sock, InetListener)


def run(
    app: Any,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve with the options of `hypercorn.Config`.

    Args:
        app: the application, which is served in this process; or where it is, for
            workers and reload.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.
        options: hypercorn's own.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
        TypeError: hypercorn has no such option.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    settings = hypercorn.config.Config()
    for name, value in options.items():
        if not hasattr(hypercorn.config.Config, name):
            raise TypeError(f"hypercorn has no option {name!r}")
        setattr(settings, name, value)
    if isinstance(app, str):
        settings.application_path = app
        _serve(entrance, settings)
        return
    if options.get("workers") or settings.use_reloader:
        raise ConfigurationError("reload and workers need the application's place")
    settings.workers = 0
    wrapped = wrap_app(app, settings.wsgi_max_body_size, None)
    _serve(entrance, settings, partial(_run, wrapped))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command `hypercorn` does, with its options and `--trust`."""
    command("hypercorn", arguments, _serve_arguments)


def worker(
    config: Config,
    sockets: hypercorn.config.Sockets,
    shutdown_event: Event | None = None,
) -> None:
    """Serve in one of hypercorn's worker processes, until the event."""
    app = load_application(config.application_path, config.wsgi_max_body_size)
    _run(app, config, sockets, shutdown_event)


def _run(
    app: AppWrapper,
    config: Config,
    sockets: hypercorn.config.Sockets,
    shutdown_event: Event | None = None,
) -> None:
    trigger: Callable[..., Any] | None = None
    if shutdown_event is not None:
        trigger = partial(
            check_multiprocess_shutdown_event, shutdown_event, asyncio.sleep
        )
    factory = None
    if config.worker_class != "asyncio":
        factory = import_module(config.worker_class).new_event_loop
    with asyncio.Runner(debug=config.debug, loop_factory=factory) as runner:
        loop = runner.get_loop()
        loop.set_exception_handler(_quiet_handshakes)
        teach(loop)
        runner.run(
            hypercorn_workers.worker_serve(
                _Named(app),
                config,
                sockets=config.listening(sockets),
                shutdown_trigger=trigger,
            )
        )


class _Named:
    """An application wrapped by hypercorn, which gets each scope with its client."""

    def __init__(self, app: AppWrapper) -> None:
        self._app = app

    async def __call__(
        self,
        scope: Any,
        receive: Any,
        send: Any,
        sync_spawn: Callable[..., Any],
        call_soon: Callable[..., Any],
    ) -> None:
        # The kernel's name of an IPv6 client has four items, and ASGI's has two.
        if isinstance(client := scope.get("client"), tuple):
            scope["client"] = client[:2]
        elif scope.get("server") is None and isinstance(name := CLIENT.get(), IPName):
            # Of a UNIX socket hypercorn says nothing that could be compared.
            scope["client"] = name[:2]

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            app = self._app
            if isinstance(app, WSGIWrapper) and scope["type"] == "http":
                # It is called in another thread, where nobody knows the connection.
                name = CLIENT.get()
                named = ClientEnviron(app.app, lambda _: name)
                app = WSGIWrapper(named, app.max_body_size)
            await app(scope, receive, send, sync_spawn, call_soon)

        await ClientScope(serve)(scope, receive, send)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    def serve(settings: hypercorn.config.Config) -> int:
        _serve(entrance, settings)
        return 0

    # Its parser is inside its main(), which takes no arguments for those of the
    # process, ours among them: so none are said by what ends options.
    with _replaced(hypercorn_command, run=serve):
        hypercorn_command.main(arguments or ["--"])


def _serve(
    entrance: Entrance,
    settings: hypercorn.config.Config,
    serve: Callable[..., None] = worker,
) -> None:
    with contextlib.ExitStack() as ending:
        config = Config(entrance, settings, ending)
        # hypercorn's supervisor finds its workers by these names, and by no setting.
        ending.enter_context(
            _replaced(hypercorn_workers, asyncio_worker=serve, uvloop_worker=serve)
        )
        code = hypercorn.run.run(config)
    if code:
        sys.exit(code)


@contextlib.contextmanager
def _replaced(module: ModuleType, **names: Any) -> Generator[None]:
    before = {name: getattr(module, name) for name in names}
    vars(module).update(names)
    try:
        yield
    finally:
        vars(module).update(before)


def _quiet_handshakes(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # As hypercorn has it: anybody may begin a handshake and fail.
    if not isinstance(context.get("exception"), ssl.SSLError):
        loop.default_exception_handler(context)


if __name__ == "__main__":
    main()
