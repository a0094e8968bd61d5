"""Actions run before anyone can use the module, whichever way it gets imported."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hummingbot_extended.shim.extended_perpetual import after_import as subject
from hummingbot_extended.shim.extended_perpetual.after_import import after_import

type WriteModule = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WriteModule]:
    """Write modules that can be imported, and forget them afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    names = []

    def write_module(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        names.append(name)

    yield write_module
    for name in names:
        sys.modules.pop(name, None)
        subject._waiting.pop(name, None)
    if subject._finder in sys.meta_path:
        sys.meta_path.remove(subject._finder)


def mark(module: ModuleType) -> None:
    module.marks = [*getattr(module, "marks", []), module.value]


def test_after_import_of_an_imported_module_acts_at_once(write: WriteModule) -> None:
    write("ai_now", "value = 1")
    module = importlib.import_module("ai_now")
    after_import("ai_now", mark)
    assert module.marks == [1]
    assert subject._finder not in sys.meta_path


def test_after_import_of_a_module_not_yet_imported_acts_when_its_code_ran(write: WriteModule) -> None:
    write("ai_later", "value = 2")
    after_import("ai_later", mark)
    after_import("ai_later", mark)
    assert "ai_later" not in sys.modules
    assert importlib.import_module("ai_later").marks == [2, 2]
    assert subject._finder not in sys.meta_path


def test_after_import_while_the_import_is_under_way_acts_before_the_first_use(write: WriteModule) -> None:
    """As Hummingbot does it: the module's own imports come to us before its tables exist."""
    write("ai_registers", "import sys; sys.modules['ai_test_hook'].register()")
    write("ai_under_way", "import ai_registers\nvalue = 3\nseen_by_itself = 'marks' in globals()")
    hook = ModuleType("ai_test_hook")
    hook.register = lambda: after_import("ai_under_way", mark)
    sys.modules["ai_test_hook"] = hook
    try:
        from ai_under_way import marks, seen_by_itself
    finally:
        del sys.modules["ai_test_hook"]
    assert (marks, seen_by_itself) == ([3], False)
    assert type(sys.modules["ai_under_way"]) is ModuleType


def test_after_import_of_a_module_whose_import_fails_waits_for_the_next_try(write: WriteModule) -> None:
    write("ai_fails", "value = 4\nraise ImportError('not today')")
    after_import("ai_fails", mark)
    with pytest.raises(ImportError, match="not today"):
        importlib.import_module("ai_fails")
    write("ai_fails", "value = 5  # another length, so that no bytecode is reused")
    importlib.invalidate_caches()
    assert importlib.import_module("ai_fails").marks == [5]


def test_after_import_of_a_module_that_does_not_exist_changes_nothing() -> None:
    after_import("ai_absent", mark)
    try:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("ai_absent")
    finally:
        subject._waiting.clear()
        sys.meta_path.remove(subject._finder)
