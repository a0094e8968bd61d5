"""Which test stands for which statement of the founding documents: `python -m tools.statements` prints the table.

A test names its statements by `@pytest.mark.states("W12", …)`: A1–A30 and W1–W46 are those of the candle streamer and
of the WebSocket server, A-B1–A-B16 and W-B1–W-B18 the faults of their originals. `test/hub/test_statements.py` proves
that none is without a test.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
STATEMENTS = tuple(
    f"{family}{number}"
    for family, last in (("A", 30), ("A-B", 16), ("W", 46), ("W-B", 18))
    for number in range(1, last + 1)
)


def by_statement() -> dict[str, list[str]]:
    """Return the ids of the tests that name each statement; one that no document has is among them."""
    found: dict[str, list[str]] = {statement: [] for statement in STATEMENTS}
    for path in sorted((ROOT / "test").rglob("test_*.py")):
        for name, statements in _stated(ast.parse(path.read_text(encoding="utf-8"))):
            for statement in statements:
                found.setdefault(statement, []).append(f"{path.relative_to(ROOT)}::{name}")
    return found


def _stated(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, list[str]]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _stated(node, f"{prefix}{node.name}::")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.states":
                    yield prefix + node.name, [ast.literal_eval(argument) for argument in mark.args]


def main() -> None:
    """Print the table."""
    for statement, tests in by_statement().items():
        print(f"{statement:<6}{' '.join(tests) or '—'}")


if __name__ == "__main__":
    main()
