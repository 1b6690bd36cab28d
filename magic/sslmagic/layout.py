"""The file of a learnt layout: TOML that people read, mend and keep.

    format = "spp"
    learnt = true
    about = "what somebody wants to say of it"

    [[variant]]
    parts = [
      { part = "literal", hex = "56ec" },
      { part = "address", of = "source", width = 16 },
      { part = "port", of = "source", width = 2 },
    ]

A `Layout` is the name of its format, and stands wherever a format is named.
"""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeGuard

from sslmagic.errors import ConfigurationError
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.learnt import Learnt
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

__all__ = ["Layout"]

_PARTS: dict[str, type[Part]] = {
    "literal": Literal,
    "address": Address,
    "port": Port,
    "length": Length,
    "unknown": Unknown,
    "checksum": Checksum,
}
_NAMES = {kind: name for name, kind in _PARTS.items()}
_NUMBERS = {"width", "bias", "shortest", "longest"}
_TRUTHS = {"full", "upper", "text"}
_LONGEST = 1 << 18
"""Octets of the longest file: sixteen variants of 256 parts with remarks."""
_MOST_BITS = 32
"""Bits of a whole number: none of a layout needs as many."""
_TEXT = frozenset(range(0x20, 0x7F)) - frozenset(b'\\"')


class Layout(Learnt):
    """A learnt layout that is read from a file, or written to one.

    Raises:
        ConfigurationError: it cannot be read as a preamble.
    """

    __slots__ = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read the file of a layout.

        Raises:
            ConfigurationError: it is no layout; says the file, the key, and what
                would be right.
            OSError: it cannot be read.
        """
        with Path(path).open("rb") as file:
            octets = file.read(_LONGEST + 1)
        if len(octets) > _LONGEST:
            raise ConfigurationError(
                f"{path}: more than {_LONGEST} octets: no layout is so long"
            )
        try:
            text = octets.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ConfigurationError(
                f"{path}: no UTF-8 text (at byte {error.start})"
            ) from None
        return cls.read(text, os.fspath(path))

    @classmethod
    def read(cls, text: str, name: str = "layout") -> Self:
        """Read the text of a file; *name* is what errors call it.

        Raises:
            ConfigurationError: as of `load`.
        """
        try:
            return cls._read(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, ConfigurationError) as error:
            raise ConfigurationError(f"{name}: {error}") from None
        except ValueError:
            # Python neither converts nor prints one of some thousand digits.
            raise ConfigurationError(f"{name}: a number of too many digits") from None
        except RecursionError:
            raise ConfigurationError(f"{name}: nested too deep") from None

    @classmethod
    def _read(cls, file: Mapping[str, Any]) -> Self:
        _check_keys(file, {"format", "learnt", "about", "variant"}, "")
        if file.get("learnt") is not True:
            raise ConfigurationError("learnt: write learnt = true, as a layout has it")
        name = file.get("format")
        if not isinstance(name, str):
            raise ConfigurationError("format: the name of the layout, in quotes")
        if not isinstance(file.get("about", ""), str):
            raise ConfigurationError("about: words about it, in quotes")
        tables: object = file.get("variant")
        if not _is_list(tables):
            raise ConfigurationError("variant: one or more [[variant]] with parts")
        variants: list[Variant] = []
        for number, table in enumerate(tables, 1):
            try:
                variants.append(_variant(table))
            except ConfigurationError as error:
                raise ConfigurationError(f"variant {number}: {error}") from None
        return cls(name, variants)

    def text(
        self,
        *,
        about: str = "",
        remarks: Mapping[tuple[int, int], str] | None = None,
        head: Iterable[str] = (),
    ) -> str:
        """Return the text of its file.

        Args:
            about: what somebody wants to say of it.
            remarks: a comment for a part, by the index of its variant and its own.
            head: comments for the whole.
        """
        lines = [f"# {_one_line(line)}" for line in head]
        lines += [f"format = {_quoted(str(self))}", "learnt = true"]
        if about:
            lines.append(f"about = {_quoted(about)}")
        for number, variant in enumerate(self.variants):
            lines += ["", "[[variant]]", "parts = ["]
            for at, part in enumerate(variant.parts):
                remark = (remarks or {}).get((number, at), "")
                comment = f"  # {_one_line(remark)}" if remark else ""
                lines.append(f"  {_table(part)},{comment}")
            lines.append("]")
        return "\n".join(lines) + "\n"


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _variant(table: object) -> Variant:
    if not _is_table(table):
        raise ConfigurationError("a table with parts")
    _check_keys(table, {"parts"}, "")
    entries: object = table.get("parts")
    if not _is_list(entries) or not entries:
        raise ConfigurationError("parts: a list of { part = ... }, at least one")
    parts: list[Part] = []
    for number, entry in enumerate(entries, 1):
        try:
            parts.append(_part(entry))
        except ConfigurationError as error:
            raise ConfigurationError(f"part {number}: {error}") from None
    return Variant(tuple(parts))


def _part(entry: object) -> Part:
    if not _is_table(entry):
        raise ConfigurationError(f"{entry!r} should be {{ part = ... }}")
    kind = entry.get("part")
    if not isinstance(kind, str) or kind not in _PARTS:
        raise ConfigurationError(f"part={kind!r} is none of {', '.join(_PARTS)}")
    values = {key: value for key, value in entry.items() if key != "part"}
    if kind == "literal":
        return _literal(values)
    made = _PARTS[kind]
    fields = [field for field in dataclasses.fields(made) if field.init]  # type: ignore[arg-type]  # each of them is a dataclass
    _check_keys(values, {field.name for field in fields}, kind)
    for key, value in values.items():
        _check_type(key, value)
    missing = [
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.name not in values
    ]
    if missing:
        raise ConfigurationError(f"{missing[0]} is missing: {kind} needs it")
    if "seen" in values:
        values["seen"] = _hex("seen", values["seen"])
    return made(**values)


def _literal(values: Mapping[str, Any]) -> Literal:
    _check_keys(values, {"text", "hex"}, "literal")
    if len(values) != 1:
        raise ConfigurationError("a literal has either text or hex")
    ((key, value),) = values.items()
    if not isinstance(value, str):
        raise ConfigurationError(f"{key}={value!r} should be in quotes")
    if key == "hex":
        return Literal(_hex(key, value))
    return Literal(value.encode("utf-8"))


def _hex(key: str, value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise ConfigurationError(
            f"{key}={value!r} should be hex, two digits an octet"
        ) from None


def _check_keys(table: Mapping[str, Any], known: set[str], kind: str) -> None:
    strangers = sorted(set(table) - known)
    if strangers:
        where = f" of {kind}" if kind else ""
        raise ConfigurationError(
            f"{strangers[0]!r} is no key{where}: there are {', '.join(sorted(known))}"
        )


def _check_type(key: str, value: Any) -> None:
    if key in _NUMBERS:
        if type(value) is not int:
            raise ConfigurationError(f"{key}={value!r} should be a whole number")
        if value.bit_length() > _MOST_BITS:
            raise ConfigurationError(f"{key}: a number of more than {_MOST_BITS} bits")
    elif key in _TRUTHS:
        if type(value) is not bool:
            raise ConfigurationError(f"{key}={value!r} should be true or false")
    elif type(value) is not str:
        raise ConfigurationError(f"{key}={value!r} should be in quotes")


def _table(part: Part) -> str:
    said = [f'part = "{_NAMES[type(part)]}"']
    if isinstance(part, Literal):
        if set(part.octets) <= _TEXT:
            said.append(f"text = {_quoted(part.octets.decode('ascii'))}")
        else:
            said.append(f'hex = "{part.octets.hex()}"')
    else:
        for field in dataclasses.fields(part):  # type: ignore[arg-type]  # as above
            value = getattr(part, field.name)
            if value != field.default:
                said.append(f"{field.name} = {_value(value)}")
    return "{ " + ", ".join(said) + " }"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f'"{value.hex()}"'
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """Return a basic string of TOML."""
    said: list[str] = []
    for character in text:
        if character in '"\\':
            said.append("\\" + character)
        elif character.isprintable():
            said.append(character)
        else:
            said.append(f"\\U{ord(character):08x}")
    return '"' + "".join(said) + '"'


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
