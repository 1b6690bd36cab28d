"""An endpoint around one of Twisted's, by itself and as a description in words."""

# pyright: standard
# Twisted's types are incomplete where descriptions are parsed.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet import tcp
from twisted.internet.defer import Deferred, fail
from twisted.internet.endpoints import quoteStringArgument, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IStreamServerEndpoint,
    IStreamServerEndpointStringParser,
)
from twisted.plugin import IPlugin

# A private module; the public one has a function only, that wraps an endpoint with it.
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python.failure import Failure
from twisted.web import http
from zope.interface import implementer

from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING
from sslmagic.reception import DEADLINE
from sslmagic.servers.entrance import Addresses, Entrance, believes_headers
from sslmagic.servers.seams import require
from sslmagic.servers.twisted.port import Port, wrapped
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS

__all__ = ["DescriptionParser", "PreambleEndpoint", "run"]

_LISTS = {"trust": "peers", "direct": "direct", "preamble": "formats"}
_WORDS = ("others", "local")
_FLAGS = {"allowLoopbackSource": "loopback_sources", "anyone": "anyone"}
_NUMBERS: Mapping[str, Callable[[str], Any]] = {"deadline": float, "waiting": int}
_DIRECT_LISTEN = "directListen"


@implementer(IStreamServerEndpoint)
class PreambleEndpoint:
    """Listens where another endpoint does, and takes preambles off.

    Args:
        endpoint: any of Twisted's that listens at TCP or UNIX sockets, with TLS or
            without. TLS begins behind the preamble.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble, with the same TLS.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.

    Raises:
        ConfigurationError: an address of *direct_listen* is none.
    """

    def __init__(
        self,
        endpoint: Any,
        *,
        trust: Trust,
        direct_listen: Addresses = (),
        deadline: float = DEADLINE,
        waiting: int = WAITING,
    ) -> None:
        self._endpoint = endpoint
        self._entrance = Entrance(
            trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
        )

    def listen(self, protocolFactory: Any) -> Deferred[Any]:  # noqa: N803
        """Return a Deferred of the port that listens.

        It fails with a ConfigurationError where something else believes preambles or
        forwarded headers, and with Twisted's CannotListenError.
        """
        try:
            _check(protocolFactory)
        except ConfigurationError:
            return fail()
        listening: Deferred[Any] = self._endpoint.listen(protocolFactory)
        if not listening.called:
            # It may accept before it says so, and nobody would take preambles off.
            _ = listening.addCallback(lambda port: port.stopListening())
            return fail(
                ConfigurationError(
                    f"{self._endpoint!r} does not listen at once, and could serve"
                    " anybody before its connections go through a listener"
                )
            )
        return listening.addCallback(self._take_over)

    def _take_over(self, port: Any) -> Any:
        try:
            _check(port.factory)
            return Port(port, self._entrance)
        except BaseException:
            if isinstance(port, tcp.Port):
                # At once, because the reactor need not be running, nor ever run.
                port.stopReading()
                port.connectionLost(Failure())
            else:
                port.stopListening()
            raise


@implementer(IPlugin, IStreamServerEndpointStringParser)
class DescriptionParser:
    r"""What `sslmagic:` means in Twisted's descriptions of stream servers.

    A description of Twisted's follows, with these beside its own arguments:

        trust=CIDR,…            who must send a preamble and is believed; or unix
        preamble=FORMAT,…       the preamble that they must send (magic)
        direct=CIDR,…           who is a client itself and sends no preamble
        others=refuse|direct    what everybody else is (refuse)
        local=unnamed|direct|refuse   what a preamble without a client makes (unnamed)
        directListen=ADDR,…     second addresses without preamble
        allowLoopbackSource=yes, anyone=yes, deadline=SECONDS, waiting=CONNECTIONS

    So that `sslmagic:tcp:8443:trust=10.0.0.0/8` is `tcp:8443` behind preambles. What
    follows may be one argument, too: `sslmagic:tcp\:8443:trust=10.0.0.0/8`.
    """

    prefix = "sslmagic"

    def parseStreamServer(  # noqa: N802  # Twisted's name
        self, reactor: Any, *arguments: str, **options: str
    ) -> PreambleEndpoint:
        """Return the endpoint.

        Raises:
            ConfigurationError: an argument of ours is missing or wrong.
            ValueError: what follows is no description of Twisted's.
        """
        ours = {name: options.pop(name) for name in _known() if name in options}
        if not arguments:
            raise ConfigurationError("sslmagic: what is to listen? Say sslmagic:tcp:…")
        if len(arguments) == 1 and ":" in arguments[0] and not options:
            description = arguments[0]
        else:
            description = _said(arguments, options)
        return PreambleEndpoint(
            serverFromString(reactor, description),
            trust=_trust(ours),
            direct_listen=_list(ours.get(_DIRECT_LISTEN, "")),
            **{
                name: _number(name, kind, ours[name])
                for name, kind in _NUMBERS.items()
                if name in ours
            },
        )


def run(
    factory: Any,
    endpoint: Any = "tcp:8080",
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
) -> None:
    """Serve on the reactor until SIGINT or SIGTERM.

    Args:
        factory: makes a protocol for each connection: a `twisted.web.server.Site`, say.
        endpoint: where, an IStreamServerEndpoint or Twisted's description of one.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble, with the same TLS.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.

    Raises:
        ConfigurationError: something else believes preambles or forwarded headers.
        OSError: an address cannot be had.
    """
    # Not before: to import it is to choose the kind.
    from twisted.internet import reactor as imported

    reactor: Any = imported
    inner = endpoint
    if isinstance(endpoint, str):
        inner = serverFromString(reactor, endpoint)
    outer = PreambleEndpoint(
        inner,
        trust=trust,
        direct_listen=direct_listen,
        deadline=deadline,
        waiting=waiting,
    )
    failures: list[BaseException] = []

    def failed(failure: Any) -> None:
        failures.append(failure.value)
        if reactor.running:
            reactor.stop()

    listening: Any = outer.listen(factory)
    listening.addErrback(failed)
    if not failures:
        reactor.run()
    for failure in failures:
        if isinstance(failure, CannotListenError):
            error = failure.socketError
            text = f"cannot listen on {failure.interface}:{failure.port}: {error}"
            raise OSError(getattr(error, "errno", None), text)
        raise failure


def _check(factory: Any) -> None:
    for each in wrapped(factory, "wrappedFactory"):
        if isinstance(each, HAProxyWrappingFactory):
            raise ConfigurationError(
                "haproxy: has Twisted read a preamble of its own after ours, and any"
                " client could name another in it. Leave it out"
            )
        if isinstance(each, http.HTTPFactory):
            # Private, and nothing else tells. Called otherwise, no factory passes.
            if "_logFormatter" not in vars(each):
                raise ConfigurationError(
                    "this Twisted does not say whether its access log believes headers"
                )
            if vars(each)["_logFormatter"] is http.proxiedLogFormatter:
                raise believes_headers("proxiedLogFormatter")
            # By which `port` has requests lose the headers.
            require(http.HTTPChannel, "requestFactory")
            require(http.Request, "gotLength", "requestReceived")


def _known() -> tuple[str, ...]:
    return (*_LISTS, *_WORDS, *_FLAGS, *_NUMBERS, _DIRECT_LISTEN)


def _said(arguments: tuple[str, ...], options: dict[str, str]) -> str:
    """Return the description that was parsed into these."""
    quoted = [quoteStringArgument(argument) for argument in arguments]
    named = (f"{name}={quoteStringArgument(said)}" for name, said in options.items())
    return ":".join([*quoted, *named])


def _trust(ours: Mapping[str, str]) -> Trust:
    chosen: dict[str, Any] = {"formats": FORMATS[:1]}
    for name, field in _LISTS.items():
        if name in ours:
            chosen[field] = _list(ours[name])
    chosen |= {name: ours[name] for name in _WORDS if name in ours}
    for name, field in _FLAGS.items():
        if name in ours:
            if ours[name] != "yes":
                raise ConfigurationError(f"sslmagic: {name}={ours[name]}: say yes")
            chosen[field] = True
    return Trust(**chosen)


def _number(name: str, kind: Callable[[str], Any], said: str) -> Any:
    try:
        return kind(said)
    except ValueError:
        raise ConfigurationError(f"sslmagic: {name}={said} is no number") from None


def _list(said: str) -> list[str]:
    return [word.strip() for word in said.split(",") if word.strip()]
