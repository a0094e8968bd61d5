"""How wire data becomes models, once, at the edge (API reference §1.4, §10).

Two ways. `read` and `read_records` are tolerant: null and absent are alike, the other spellings a model lists in
`spellings` are accepted, and a list never loses its good records to a bad one. `fast` is for what has one spelling only
and comes often; it hands over to the tolerant way whatever it cannot read in one go.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from hummingbot_extended.errors import EXCERPT_CHARS, MalformedMessage

# Numbers that stand in JSON without quotes become Decimal from their text, never through a float.
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class Model(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the models: immutable, unknown fields ignored."""

    spellings: ClassVar[Mapping[str, str]] = {}  # the other spelling on the wire → the one the model reads


class BadRecord(msgspec.Struct, frozen=True):
    """A record of a list that could not be read: its name or id, why not, and how it begins."""

    name: str
    reason: str
    excerpt: str


class Records[T](list[T]):
    """The records of a reply or frame, with what could not be read (`bad`) and the next page (`cursor`)."""

    def __init__(self, records: Iterable[T] = (), bad: Iterable[BadRecord] = (), cursor: int | None = None) -> None:
        super().__init__(records)
        self.bad = tuple(bad)
        self.cursor = cursor


_NOT_FINITE = (b'"NaN"', b'"Infinity"', b'"-Infinity"')  # as the writers of JSON spell them


def fast[T](decoder: msgspec.json.Decoder[T], raw: bytes | str) -> T | None:
    """Return what the typed decoder makes of `raw`; None when only the tolerant way can tell what it is.

    That is also where "NaN" and "Infinity" go, which Decimal would take for numbers.
    """
    data = raw.encode() if isinstance(raw, str) else raw
    if any(word in data for word in _NOT_FINITE):
        return None
    try:
        return decoder.decode(data)
    except msgspec.DecodeError:
        return None


def parse(raw: bytes | str) -> Any:
    """Return the JSON value of `raw`. Raises MalformedMessage."""
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedMessage(f"not JSON ({error})", raw) from error


def read[T](value: Any, model: type[T]) -> T:
    """Return the parsed JSON `value` as `model`. Raises MalformedMessage, which names the field."""
    try:
        return _convert(value, model)
    except msgspec.ValidationError as error:
        raise MalformedMessage(f"not a {model.__name__} ({error})", _excerpt(value)) from error


def read_records[T](values: Any, model: type[T], cursor: int | None = None) -> Records[T]:
    """Return the parsed JSON list `values` as records of `model`; unreadable ones are in `.bad`, never raised.

    A single object counts as a list of one, null as none. Raises MalformedMessage for anything else.
    """
    if values is None:
        values = []
    elif isinstance(values, dict):
        values = [values]
    elif not isinstance(values, list):
        raise MalformedMessage(f"not a list of {model.__name__}", _excerpt(values))
    records: list[T] = []
    bad: list[BadRecord] = []
    for value in values:
        try:
            records.append(_convert(value, model))
        except msgspec.ValidationError as error:
            bad.append(BadRecord(_name_of(value), str(error), _excerpt(value)))
    return Records(records, bad, cursor)


def _convert[T](value: Any, model: type[T]) -> T:
    record = msgspec.convert(_tidy(value, getattr(model, "spellings", {})), model, strict=False)
    if not _is_finite(record):
        raise msgspec.ValidationError("NaN or Infinity where a number belongs")
    return record


def _is_finite(value: object) -> bool:
    """Return whether no number in a record, however deep, is NaN or infinite."""
    if isinstance(value, Decimal):
        return value.is_finite()
    if isinstance(value, msgspec.Struct):
        return all(_is_finite(getattr(value, name)) for name in value.__struct_fields__)
    return all(map(_is_finite, value)) if isinstance(value, list | tuple) else True


def _tidy(value: Any, spellings: Mapping[str, str]) -> Any:
    """Drop nulls and rename other spellings, all the way down; a record's own spelling wins where both are there."""
    if isinstance(value, list):
        return [_tidy(item, spellings) for item in value]
    if not isinstance(value, dict):
        return value
    tidy = {name: _tidy(item, spellings) for name, item in value.items() if item is not None}
    for other in spellings.keys() & tidy.keys():
        tidy.setdefault(spellings[other], tidy[other])
    return tidy


def _name_of(value: Any) -> str:
    if isinstance(value, dict):
        for key in ("name", "id", "i", "market", "m"):
            if value.get(key) is not None:
                return str(value[key])
    return "?"


def _excerpt(value: Any) -> str:
    """Begin of a record for people; older account records hold API keys, which must not get into a log."""
    if isinstance(value, dict):
        value = {name: item for name, item in value.items() if name != "apiKeys"}
    return msgspec.json.encode(value).decode()[:EXCERPT_CHARS]
