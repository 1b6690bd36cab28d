"""Headers that name another client: those that docs/servers.md lists, word for word.

Nothing here is the library's: what it removes is judged by this.
"""

from __future__ import annotations

import re

__all__ = ["CLAIMS", "LISTED", "STRANGER", "claims"]

STRANGER = "6.6.6.6"
"""Whom no header may make the client."""

CLAIMS = (
    ("X-Cluster-Client-Ip", STRANGER),
    ("X_Cluster_Client_Ip", STRANGER),
    ("X.Cluster.Client.Ip", STRANGER),
    ("X-Forwarded-For", STRANGER),
    ("X_Forwarded_For", STRANGER),
    ("X-Forwarded-Proto", "ftp"),
    ("X-Forwarded-Host", STRANGER),
    ("Forwarded", f"for={STRANGER}"),
    ("X-Forwarded", STRANGER),
    ("Forwarded-For", STRANGER),
    ("X-Real-IP", STRANGER),
    ("X-Client-IP", STRANGER),
    ("Client-IP", STRANGER),
    ("True-Client-IP", STRANGER),
    ("CF-Connecting-IP", STRANGER),
    ("Fastly-Client-IP", STRANGER),
)
"""The header fields of a request that is forged in every way."""

LISTED = (
    "X-Cluster-Client-Ip",
    "X-Forwarded-*",
    "Forwarded",
    "X-Forwarded",
    "Forwarded-For",
    "X-Real-IP",
    "X-Client-IP",
    "Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
)
"""The names as the document has them; with a `*`, all that begin so."""

_NAMES = {name.lower() for name in LISTED if not name.endswith("*")}
_PREFIXES = tuple(name[:-1].lower() for name in LISTED if name.endswith("*"))
_OTHER = re.compile("[^a-z0-9]")


def claims(name: str) -> bool:
    """Whether an application may look for a client in a header of this name."""
    spelling = _OTHER.sub("-", name.lower())
    return spelling in _NAMES or spelling.startswith(_PREFIXES)
