"""Which peers may speak for a client, and what becomes of the rest.

Three classes of peers, the most specific network wins (spec.md section 10.1):

    peers     must send a preamble; what it claims is believed
    direct    are clients themselves; no octet of theirs is read as a preamble
    others    refused, or direct if the policy says so

Trust never parses: it sees a peer's address before any octet is read, and a parsed
preamble after the proof.
"""

from __future__ import annotations

import dataclasses
import enum
import ipaddress
from collections.abc import Iterable
from typing import Literal

from sslmagic.address import is_loopback, pack_host
from sslmagic.decoder import Choice, checked_formats, choice_among
from sslmagic.errors import ConfigurationError, Reason, UntrustedError
from sslmagic.preamble import Endpoint, Preamble, Transport, UnixEndpoint

__all__ = ["Standing", "Trust"]

_MET = 1024
"""Hosts whose standing is remembered: more than anybody has gateways."""

_LOOPBACK4 = 127
"""The first octet of 127.0.0.0/8."""
_SIZE = {kind: 4 if kind >> 4 == 1 else 16 for kind in Transport}
"""Octets of the source at the front of an address block."""

UNIX = "unix"
"""The word that stands for all peers on a UNIX socket, beside networks."""


class Standing(enum.Enum):
    """What a peer is to a listener."""

    PEER = "peer"
    """It must send a preamble, and speaks for a client."""
    DIRECT = "direct"
    """It is a client itself."""
    REFUSED = "refused"
    """It may not connect."""


@dataclasses.dataclass(frozen=True, slots=True, init=False)
class Trust:
    """Who may speak for a client at a listener; immutable, picklable.

    Of networks that overlap the most specific one holds. The fields say more; the
    servers' commands have them as options, by the names that are given here.

    Args:
        peers: who must send a preamble (``--trust``).
        direct: who is a client itself (``--direct``).
        others: what everybody else is (``--others``).
        formats: what a preamble may be in (``--preamble``).
        local: what a preamble without a client means (``--local``).
        loopback_sources: believe loopback clients (``--allow-loopback-source``).
        unix_sources: believe UNIX clients; no option.
        anyone: let *peers* be everybody (``--anyone``).

    Raises:
        ConfigurationError: it is contradictory, trusts nobody, or trusts everybody
            without saying `anyone`.
    """

    peers: tuple[str, ...] = ()
    """Networks (``10.0.0.0/8``, ``2001:db8::/32``, a single address) that must send a
    preamble, and the word ``unix`` for peers on a UNIX socket: whoever its mode and
    directory let connect, which by a server's defaults may be every local user."""
    direct: tuple[str, ...] = ()
    """Networks, or ``unix``, that are clients themselves."""
    others: Literal["refuse", "direct"] = "refuse"
    """What the rest are."""
    formats: tuple[str, ...] = ("magic",)
    """The formats of which a trusted peer must send one."""
    local: Literal["unnamed", "direct", "refuse"] = dataclasses.field(
        default="unnamed", kw_only=True
    )
    """What a preamble without a client (LOCAL, UNKNOWN) makes of its connection: one
    without a client's address, one whose client is the peer, or none. Without one the
    peer's name is empty, as on a UNIX socket. Those of `sslmagic.servers` serve it; on
    `sslmagic.sockets.listen` a server that takes an address for granted, as Python's
    own `http.server` does for its log, fails there and wants ``direct``."""
    loopback_sources: bool = dataclasses.field(default=False, kw_only=True)
    """Believe a loopback source from any trusted peer. Without it only a peer that is
    loopback or UNIX itself is believed: open relays began with such claims."""
    unix_sources: bool = dataclasses.field(default=False, kw_only=True)
    """Believe a UNIX source from any trusted peer, not only from UNIX peers."""
    anyone: bool = dataclasses.field(default=False, kw_only=True)
    """Allow `peers` to cover all of IPv4 or IPv6: anybody then chooses his address."""

    _table: dict[int, tuple[tuple[int, dict[int, Standing]], ...]] = dataclasses.field(
        init=False, repr=False, compare=False
    )
    """Address bits -> (shift, {prefix: standing}), the longest prefix first."""
    choice: Choice = dataclasses.field(init=False, repr=False, compare=False)
    """What the first octet chooses among the formats."""
    _unix: Standing = dataclasses.field(init=False, repr=False, compare=False)
    _met: dict[str, Standing] = dataclasses.field(init=False, repr=False, compare=False)
    """Host -> what it was found to be: gateways are few, and come again and again."""

    def __init__(
        self,
        peers: Iterable[str] = (),
        direct: Iterable[str] = (),
        others: Literal["refuse", "direct"] = "refuse",
        formats: str | Iterable[str] = ("magic",),
        *,
        local: Literal["unnamed", "direct", "refuse"] = "unnamed",
        loopback_sources: bool = False,
        unix_sources: bool = False,
        anyone: bool = False,
    ) -> None:
        words = {Standing.PEER: _words(peers, "peers")}
        words[Standing.DIRECT] = _words(direct, "direct")
        if others not in ("refuse", "direct"):
            raise ConfigurationError(f"others={others!r} is neither refuse nor direct")
        if local not in ("unnamed", "direct", "refuse"):
            raise ConfigurationError(f"local={local!r}: unnamed, direct or refuse")
        if others == "refuse" and not any(words.values()):
            raise ConfigurationError("this trust would refuse everybody: name peers")
        rest = Standing.DIRECT if others == "direct" else Standing.REFUSED
        put = object.__setattr__
        put(self, "peers", words[Standing.PEER])
        put(self, "direct", words[Standing.DIRECT])
        put(self, "others", others)
        put(self, "formats", checked_formats(formats))
        put(self, "choice", choice_among(self.formats))
        put(self, "local", local)
        put(self, "loopback_sources", loopback_sources)
        put(self, "unix_sources", unix_sources)
        put(self, "anyone", anyone)
        put(self, "_unix", _unix_standing(words, rest))
        put(self, "_table", _table(words, rest, anyone=anyone))
        put(self, "_met", {})

    def standing(self, peer: Endpoint | UnixEndpoint) -> Standing:
        """Return what *peer*, the other end of the TCP connection, is here."""
        if isinstance(peer, UnixEndpoint):
            return self._unix
        if (met := self._met.get(peer.host)) is not None:
            return met
        if len(self._met) >= _MET:
            # Strangers from everywhere: they cost what they cost, and no memory.
            self._met.clear()
        standing = self._met[peer.host] = self._looked_up(peer.host)
        return standing

    def _looked_up(self, host: str) -> Standing:
        # A link-local peer carries its zone in the text; networks have none.
        packed = pack_host(host.partition("%")[0])
        number = int.from_bytes(packed, "big")
        # Every table ends with the prefix of no bits, so one is always found.
        return next(
            found
            for shift, prefixes in self._table[len(packed)]
            if (found := prefixes.get(number >> shift)) is not None
        )

    def believe(
        self, preamble: Preamble, peer: Endpoint | UnixEndpoint
    ) -> Endpoint | UnixEndpoint | None:
        """Return the client of a connection whose trusted *peer* sent *preamble*.

        None is a connection without a client's address.

        Raises:
            UntrustedError: what the preamble claims is not believed.
        """
        source, transport = preamble.source, preamble.transport
        if transport is Transport.TCP4 and preamble.block[0] != _LOOPBACK4:
            return source  # nothing of it is in doubt
        if source is None:
            if self.local == "refuse":
                raise UntrustedError(
                    "the preamble names no client", reason=Reason.LOCAL
                )
            return peer if self.local == "direct" else None
        if not transport.is_stream:
            raise UntrustedError(
                f"a preamble of {transport.label} on a stream", reason=Reason.TRANSPORT
            )
        if isinstance(source, UnixEndpoint):
            if not (self.unix_sources or isinstance(peer, UnixEndpoint)):
                raise UntrustedError(
                    "a UNIX source from a peer that is none", reason=Reason.SOURCE
                )
        elif (
            not self.loopback_sources
            and is_loopback(preamble.block[: _SIZE[transport]])
            and not _is_near(peer)
        ):
            raise UntrustedError(
                f"loopback source {source} from a peer that is none",
                reason=Reason.SOURCE,
            )
        return source

    def __reduce__(self) -> tuple[object, ...]:
        names = [f.name for f in dataclasses.fields(self) if f.init]
        return _restored, ({name: getattr(self, name) for name in names},)


def _restored(arguments: dict[str, object]) -> Trust:
    return Trust(**arguments)  # type: ignore[arg-type]  # its own fields, by name


def _is_near(endpoint: Endpoint | UnixEndpoint) -> bool:
    if isinstance(endpoint, UnixEndpoint):
        return True
    return is_loopback(pack_host(endpoint.host.partition("%")[0]))


def _words(words: str | Iterable[str], name: str) -> tuple[str, ...]:
    if isinstance(words, str):
        raise ConfigurationError(f"{name}={words!r}: give a list of networks")
    # As text, because ipaddress takes 10 for 0.0.0.10, and four octets for an address.
    return tuple(str(word) for word in words)


def _unix_standing(words: dict[Standing, tuple[str, ...]], rest: Standing) -> Standing:
    named = [standing for standing, names in words.items() if UNIX in names]
    if len(named) > 1:
        raise ConfigurationError("'unix' is both trusted and direct")
    return named[0] if named else rest


def _table(
    words: dict[Standing, tuple[str, ...]], rest: Standing, *, anyone: bool
) -> dict[int, tuple[tuple[int, dict[int, Standing]], ...]]:
    sizes: dict[int, dict[int, dict[int, Standing]]] = {
        4: {32: {0: rest}},
        16: {128: {0: rest}},
    }
    seen: dict[ipaddress.IPv4Network | ipaddress.IPv6Network, Standing] = {}
    for standing, names in words.items():
        networks = [_network(name) for name in names if name != UNIX]
        if standing is Standing.PEER and not anyone:
            _refuse_everybody(networks)
        for network in networks:
            if seen.setdefault(network, standing) is not standing:
                raise ConfigurationError(f"{network} is both trusted and direct")
            bits = network.max_prefixlen
            shift = bits - network.prefixlen
            prefixes = sizes[bits // 8].setdefault(shift, {})
            prefixes[int(network.network_address) >> shift] = standing
    return {size: tuple(sorted(rows.items())) for size, rows in sizes.items()}


def _network(name: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(name)
    except (ValueError, TypeError) as error:
        said = "give each network by itself" if "," in name else error
        raise ConfigurationError(f"network {name!r}: {said}") from None
    if network.version == 6 and network.subnet_of(_MAPPED):
        # Peers on a dual-stack socket are looked up as IPv4.
        shift = network.prefixlen - 96
        address = int(network.network_address) & 0xFFFFFFFF
        return ipaddress.IPv4Network((address, shift))
    return network


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def _refuse_everybody(
    networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network],
) -> None:
    fours = [one for one in networks if isinstance(one, ipaddress.IPv4Network)]
    sixes = [one for one in networks if isinstance(one, ipaddress.IPv6Network)]
    covered: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = [
        *ipaddress.collapse_addresses(fours),
        *ipaddress.collapse_addresses(sixes),
    ]
    for network in covered:
        if network.prefixlen == 0:
            raise ConfigurationError(
                f"all of {network} is trusted: anybody could claim any address;"
                " name your gateways, or allow anyone (--anyone)"
            )
