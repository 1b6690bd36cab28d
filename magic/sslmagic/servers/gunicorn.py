"""gunicorn: WSGI and ASGI in worker processes, with its TLS, reload and HTTP/2.

    python -m sslmagic.servers.gunicorn app:app --certfile … --trust 10.0.0.0/8

Workers sync, gthread, asgi and UvicornWorker. gunicorn's command line, configuration
file and GUNICORN_CMD_ARGS are read as ever; hooks put a listener on each of a worker's
sockets once it is forked.
"""

# pyright: standard
# gunicorn has no types.

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from ssl import SSLContext, SSLSocket
from typing import Any

from gunicorn.app.wsgiapp import WSGIApplication
from gunicorn.config import make_settings

from sslmagic.asgi import ClientScope
from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING, Connection, PeerName
from sslmagic.loopserver import teach
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import endpoint
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.gunicorn_settings import OFF, Kind, binds, check, kind
from sslmagic.servers.inet import InetListener
from sslmagic.sockets import secured
from sslmagic.trust import Trust
from sslmagic.wsgi import ClientEnviron, Environ

__all__ = ["Application", "main", "run"]


_HOOKS = ("post_fork", "post_worker_init", "pre_exec", "ssl_context")


class Application(WSGIApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's application, whose workers take preambles off.

    Args:
        entrance: how connections are received.
        arguments: the command line, gunicorn's own options and no others.
        app: the application, or where it is; None for what gunicorn's options say.
        options: settings of gunicorn that override all others.

    Raises:
        ConfigurationError: a setting cannot be had beside preambles, whether it is an
            option's, a file's or the environment's. Raised in a reload as well, which
            ends gunicorn.
    """

    def __init__(
        self,
        entrance: Entrance,
        arguments: Sequence[str],
        *,
        app: Any = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._entrance = entrance
        self._arguments = arguments
        self._app = app
        self._options = options or {}
        self._users: dict[str, Callable[..., Any]] = {}
        self._binds, self._direct = binds(entrance.direct_listen)
        self._kind = Kind.WSGI
        prog = "python -m sslmagic.servers.gunicorn"
        super().__init__("%(prog)s [OPTIONS] [APP_MODULE]", prog=prog)

    def load_default_config(self) -> None:
        """Start from gunicorn's defaults, with what believes others off."""
        super().load_default_config()
        for name, off in OFF.items():
            self.cfg.set(name, off)

    def init(self, parser: Any, opts: Any, args: Any) -> Any:
        """Take the application from the command line, unless it is known already."""
        settings = super().init(parser, opts, args)
        if self._app is not None:
            self.app_uri = self._app
            if isinstance(self._app, str):
                self.cfg.set("default_proc_name", self._app)
        return settings

    def load_config(self) -> None:
        """Read the configuration from everywhere gunicorn does."""
        before = sys.argv
        # gunicorn reads its command line from nowhere else.
        sys.argv = [before[0], *self._arguments]
        try:
            super().load_config()
        finally:
            sys.argv = before
        for name, value in self._options.items():
            self.cfg.set(name, value)
        self.chdir()

    def do_load_config(self) -> None:
        """Read the configuration, and put ours into it.

        Raises:
            ConfigurationError: a setting cannot be had beside preambles.
        """
        super().do_load_config()
        check(self.cfg)
        self._kind = kind(self.cfg)
        if self._binds:
            self._bind_second()
        for name in _HOOKS:
            self._users[name] = getattr(self.cfg, name)
            self.cfg.set(name, getattr(self, f"_{name}"))

    def load(self) -> Any:
        """Return the application, which learns its clients."""
        by_place = self._app is None or isinstance(self._app, str)
        app: Any = super().load() if by_place else self._app
        if self._kind is Kind.WSGI:
            return ClientEnviron(app, _name)
        # uvicorn has yet to find out what kind of application it is.
        return ClientScope(app) if self._kind is Kind.ASGI else app

    def _bind_second(self) -> None:
        first = self.cfg.settings["bind"].get()
        activated = os.environ.get("LISTEN_PID") == str(os.getpid())
        if activated or any(bind.startswith("fd://") for bind in first):
            raise ConfigurationError(
                "direct_listen: gunicorn listens nowhere else once it is given sockets"
                " that are bound"
            )
        self.cfg.set("bind", [*first, *self._binds])

    def _post_fork(self, server: Any, worker: Any) -> None:
        self._users["post_fork"](server, worker)
        for each in worker.sockets:
            # Its descriptor is no longer the one that gunicorn keeps from programs.
            each.sock.set_inheritable(False)
            direct = endpoint(each.getsockname()) in self._direct
            entrance = self._entrance.direct if direct else self._entrance
            # That gunicorn's sockets keep theirs in `sock` is no promise of it.
            each.sock = entrance.listener(each.sock, InetListener)

    def _post_worker_init(self, worker: Any) -> None:
        self._users["post_worker_init"](worker)
        if self._kind is Kind.ASGI:
            teach(worker.loop)
        elif self._kind is Kind.UVICORN:
            _teach_uvicorn(worker)

    def _ssl_context(self, config: Any, factory: Callable[[], SSLContext]) -> Any:
        context = self._users["ssl_context"](config, factory)
        return _NamingContext(context) if self._kind is Kind.WSGI else context

    def _pre_exec(self, server: Any) -> None:
        self._users["pre_exec"](server)
        # gunicorn would run this very file, beside which `import gunicorn` finds it.
        server.START_CTX["args"] = [sys.executable, *sys.orig_argv[1:]]


def run(
    app: Any,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve with gunicorn's settings.

    Args:
        app: the application, or where it is.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per socket and worker.
        options: gunicorn's own, by their names in its configuration file. They override
            that file, which `config` may name, and GUNICORN_CMD_ARGS.

    Raises:
        ConfigurationError: a setting cannot be had beside preambles.
        TypeError: gunicorn has no such setting.
        SystemExit: it has ended, or could not start.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    if unknown := sorted(options.keys() - make_settings().keys()):
        raise TypeError(f"gunicorn has no setting {unknown[0]!r}")
    file = options.pop("config", None)
    arguments = [] if file is None else ["--config", file]
    Application(entrance, arguments, app=app, options=options).run()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command `gunicorn` does, with its options and `--trust`."""
    command("gunicorn", arguments, _serve_arguments)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    Application(entrance, arguments).run()


class _NamingContext:
    """A server's TLS context whose sockets have their client's name."""

    def __init__(self, context: SSLContext) -> None:
        self._context = context

    def wrap_socket(
        self,
        connection: Connection,
        *,
        server_side: bool,  # noqa: ARG002  # always
        do_handshake_on_connect: bool,
        suppress_ragged_eofs: bool,
    ) -> SSLSocket:
        wrapped = secured(
            connection,
            self._context,
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
        )
        # Beside getpeername(), which has a tuple for everybody.
        wrapped.peer_name = connection.peer_name  # type: ignore[attr-defined]
        return wrapped


def _name(environ: Environ) -> PeerName:
    connection: Connection = environ["gunicorn.socket"]
    return connection.peer_name


def _teach_uvicorn(worker: Any) -> None:
    # Only here is uvicorn needed.
    from sslmagic.servers.uvicorn_config import ClientConfig

    worker.sockets = [each.sock for each in worker.sockets]
    config = worker.config
    config.proxy_headers = False
    # The worker has made its configuration, of whatever class, loaded or not.
    own = type(config)
    config.__class__ = type(own.__name__, (ClientConfig, own), {})


if __name__ == "__main__":
    main()
