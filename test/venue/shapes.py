"""Compare JSON by shape: the same keys, the same kinds of values.

Kinds: bool, number, decimal (a numeric string), text, null, object, list. Null on the
captured side stands for anything, because the captures' tools filled in what was absent. A list is compared row by row
with the first captured row, in which null stands where any captured row has null. The captured keys must all be there;
what the venue writes beyond them must be allowed by name.
"""

import re
from collections.abc import Iterator
from typing import Any

DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


def kind(value: Any) -> str:
    """Name the kind of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "decimal" if DECIMAL.fullmatch(value) else "text"
    return "object" if isinstance(value, dict) else "list"


def differences(
    captured: Any, ours: Any, *, allowed: frozenset[str] = frozenset(), quoted_ids: bool = False, where: str = "$"
) -> Iterator[str]:
    """Yield every difference in shape. `quoted_ids`: the capture's tool quoted ids, which are numbers on the wire."""
    if kind(captured) == "null" or captured == {} == ours:
        return
    if kind(captured) == "object" and kind(ours) == "object":
        for key in captured.keys() - ours.keys():
            if captured[key] is not None:
                yield f"{where}.{key} is missing"
        for key in ours.keys() - captured.keys() - allowed:
            yield f"{where}.{key} is not in the capture"
        for key in captured.keys() & ours.keys():
            options = {"allowed": allowed, "quoted_ids": quoted_ids, "where": f"{where}.{key}"}
            yield from differences(captured[key], ours[key], **options)
    elif kind(captured) == "list" and kind(ours) == "list":
        if captured and not ours:
            yield f"{where} is empty"
        for number, row in enumerate(ours if captured else []):
            options = {"allowed": allowed, "quoted_ids": quoted_ids, "where": f"{where}[{number}]"}
            yield from differences(_merged(captured), row, **options)
    elif kind(captured) != kind(ours) and not (quoted_ids and _is_quoted_id(captured, ours)):
        yield f"{where} is a {kind(ours)} ({ours!r}), captured as a {kind(captured)} ({captured!r})"


def _merged(rows: list[Any]) -> Any:
    """The first row, with null wherever any row has null: there the value may be missing."""
    if not isinstance(rows[0], dict):
        return rows[0]
    return {key: None if any(row.get(key) is None for row in rows) else rows[0][key] for key in rows[0]}


def _is_quoted_id(captured: Any, ours: Any) -> bool:
    return kind(ours) == "number" and isinstance(captured, str) and captured.isdigit()
