"""What a listener does with a format that it takes, varied: cut, late, wrong, twice."""

from __future__ import annotations

from typing import Any

from sslmagic.preamble import Endpoint
from sslmagic.probe.claim import CHECKED, bad_checksum, local, said
from sslmagic.probe.evidence import FormatEvidence
from sslmagic.probe.interview import Interview
from sslmagic.probe.judgement import FOLLOWS
from sslmagic.probe.question import Then, octets, split
from sslmagic.probe.report import Belief, Speech, Trial, believed

__all__ = ["ask_variations"]


def ask_variations(interview: Interview, one: FormatEvidence, behind: Speech) -> None:
    """Ask all of them about a format that is required or accepted.

    Args:
        behind: what follows the preamble.
    """
    variations = _Variations(interview, one, FOLLOWS[behind])
    variations.ask_cut_and_late()
    variations.put("local", "a preamble without a client", local(one.format), None)
    if one.format in CHECKED:
        variations.ask_checksum()
    variations.ask_nested()
    variations.ask_loopback()
    if behind is Speech.TLS:
        words = "a preamble and a request in clear"
        variations.put_plain("clear", words, then=Then.HTTP)


class _Variations:
    """Those of one format, each held against the whole preamble that was taken."""

    def __init__(self, interview: Interview, one: FormatEvidence, then: Then) -> None:
        self._interview, self._one, self._then = interview, one, then

    def plain(self, client: Endpoint) -> bytes:
        return said(client, self._interview.port, self._one.format)

    def put(
        self,
        name: str,
        words: str,
        octets: bytes,
        client: Endpoint | None,
        then: Then | None = None,
        **how: Any,
    ) -> Trial:
        trials = self._one.trials
        trials[name] = self._interview.put_preamble(
            self._one.format,
            name,
            words,
            octets,
            client=client,
            then=then or self._then,
            like=self._one.whole,
            **how,
        )
        return trials[name]

    def put_plain(self, name: str, words: str, **how: Any) -> Trial:
        """Put a preamble without a fault, whose client nobody was told of before."""
        client = self._interview.client()
        return self.put(name, words, self.plain(client), client, **how)

    def ask_cut_and_late(self) -> None:
        limits = self._interview.limits
        words = "a preamble in two pieces"
        self.put_plain("halves", words, cut=split, between=limits.gap)
        words = "a preamble octet by octet"
        self.put_plain("octets", words, cut=octets, between=limits.between)
        words = f"a preamble after {limits.late:g} s"
        self.put_plain("late", words, delay=limits.late)

    def ask_checksum(self) -> None:
        port, format = self._interview.port, self._one.format
        client = self._interview.client()
        wrong = bad_checksum(client, port, format)
        if not self.put("bad_checksum", "a wrong CRC32C", wrong, client).taken:
            client = self._interview.client()
            right = said(client, port, format, crc32c=True)
            self.put("checksum", "a right CRC32C", right, client)

    def ask_nested(self) -> None:
        first, second = self._interview.client(), self._interview.client()
        both = self.plain(first) + self.plain(second)
        nested = self.put("nested", "two preambles", both, first)
        text, port = nested.answer.text, self._interview.port
        if nested.taken and believed(text, second.host, "", port) is Belief.BELIEVED:
            self._one.trials["nested"] = self._interview.revise(
                nested, belief=Belief.BELIEVED, last=True
            )
        elif nested.taken and self._then is Then.NOTHING:
            # Whoever speaks first does so behind the first, and may not read on.
            self._interview.revise(nested, taken=False)
            del self._one.trials["nested"]

    def ask_loopback(self) -> None:
        home = self._interview.claims.loopback()
        words = f"a preamble that claims {home.host}"
        self.put("loopback", words, self.plain(home), home)
