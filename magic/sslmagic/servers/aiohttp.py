"""aiohttp: its applications and runners, on asyncio and uvloop, with its TLS.

run(app, trust=…, ssl_context=…)           as web.run_app
Site(runner, host, port, trust=…)          in place of web.TCPSite and its kin
python -m sslmagic.servers.aiohttp module:function --trust 10.0.0.0/8

request.remote                             the client's address; "" where none is
request[CLIENT].preamble                   what named the client; None if direct
request[CLIENT].peer                       the other end of the TCP connection
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import logging
import os
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any

from aiohttp import web
from aiohttp.log import access_logger

from sslmagic.listener import WAITING
from sslmagic.reception import DEADLINE
from sslmagic.servers.aiohttp_site import CLIENT, Site
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.resources import listening_on
from sslmagic.trust import Trust

__all__ = ["CLIENT", "Site", "main", "run"]

_RUNS: dict[str, Any] = {"handle_signals": True, "keepalive_timeout": 75.0}
"""Where `web.run_app` has other defaults than its runner."""
_LISTENS = ("ssl_context", "backlog", "reuse_address", "reuse_port")


def run(
    app: Any,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve as `web.run_app` does, with its options.

    Args:
        app: the application, or a coroutine that returns it.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        options: aiohttp's own.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    loop = options.pop("loop", None) or asyncio.new_event_loop()
    if loop.get_debug():
        _show(options.get("access_log", access_logger))
    _until_told(loop, _serve(app, entrance, options))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as `python -m aiohttp.web` does, with its options and `--trust`."""
    command("aiohttp", arguments, _serve_arguments)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m sslmagic.servers.aiohttp")
    parser.add_argument("function", metavar="module:function")
    parser.add_argument("-H", "--hostname")
    parser.add_argument("-P", "--port", type=int, default=8080)
    parser.add_argument("-U", "--path")
    options, rest = parser.parse_known_args(arguments)
    module, _, function = options.function.partition(":")
    if not module or not function or module.startswith("."):
        parser.error(f"{options.function!r} is not of the form module:function")
    try:
        application = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.DEBUG)
    where: dict[str, Any] = {"path": options.path}
    if not options.path or options.hostname is not None:
        where |= {"host": options.hostname or "localhost", "port": options.port}
    _until_told(asyncio.new_event_loop(), _serve(application(rest), entrance, where))


async def _serve(app: Any, entrance: Entrance, options: dict[str, Any]) -> None:
    if asyncio.iscoroutine(app):
        app = await app
    say = options.pop("print", print)
    where = {name: options.pop(name, None) for name in ("host", "port", "path", "sock")}
    listens = {name: options.pop(name) for name in _LISTENS if name in options}
    runner = web.AppRunner(app, **_RUNS | options)
    await runner.setup()
    ending = contextlib.ExitStack()
    try:
        for site in _sites(runner, entrance, listens, ending, **where):
            with listening_on():
                await site.start()
        if say:
            places = ", ".join(sorted(site.name for site in runner.sites))
            say(f"======== Running on {places} ========\n(Press CTRL+C to quit)")
        await asyncio.get_running_loop().create_future()
    finally:
        with ending:
            await runner.cleanup()


def _sites(
    runner: web.AppRunner,
    entrance: Entrance,
    listens: dict[str, Any],
    ending: contextlib.ExitStack,
    *,
    host: Any,
    port: int | None,
    path: Any,
    sock: Any,
) -> Iterator[Site]:
    rules: dict[str, Any] = {
        "trust": entrance.trust,
        "deadline": entrance.deadline,
        "waiting": entrance.waiting,
        **listens,
    }
    hosts = _several(host)
    if not hosts and (port is not None or (path is None and sock is None)):
        hosts = [None]
    for each in hosts:
        yield Site(runner, each, port, **rules)
    for each in _several(path):
        yield Site(runner, path=each, **rules)
    for each in _several(sock):
        yield Site(runner, sock=each, **rules)
    rules["trust"] = entrance.direct.trust
    for each in entrance.direct_sockets(ending):
        yield Site(runner, sock=each, **rules)


def _show(access_log: logging.Logger | None) -> None:
    """Have aiohttp's own access log seen, as `web.run_app` does in debug mode."""
    if access_log is None or access_log.name != access_logger.name:
        return
    if access_log.level == logging.NOTSET:
        access_log.setLevel(logging.DEBUG)
    if not access_log.hasHandlers():
        access_log.addHandler(logging.StreamHandler())


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str | os.PathLike) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def _until_told(
    loop: asyncio.AbstractEventLoop, serving: Coroutine[Any, Any, None]
) -> None:
    """Run until it ends, or aiohttp is told to end; then close the loop."""
    asyncio.set_event_loop(loop)
    task = loop.create_task(serving)
    try:
        with contextlib.suppress(web.GracefulExit, KeyboardInterrupt):
            loop.run_until_complete(task)
    finally:
        try:
            # By itself first: its cleanup waits for requests, which are tasks too.
            _cancel(loop, [] if task.done() else [task])
            _cancel(loop, asyncio.all_tasks(loop))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel(
    loop: asyncio.AbstractEventLoop, tasks: Iterable[asyncio.Task[Any]]
) -> None:
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    if waiting:
        loop.run_until_complete(asyncio.wait(waiting))
    for task in waiting:
        if not task.cancelled() and (error := task.exception()) is not None:
            loop.call_exception_handler(
                {
                    "message": "unhandled exception during asyncio.run() shutdown",
                    "exception": error,
                    "task": task,
                }
            )


if __name__ == "__main__":
    main()
