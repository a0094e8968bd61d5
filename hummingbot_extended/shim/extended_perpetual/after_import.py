"""Run something right after a module of Hummingbot has been imported: now, later, or while its import is under way.

Standard library only and quick to import: the import hook loads it at every start of the interpreter.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

type Action = Callable[[ModuleType], None]

_waiting: dict[str, list[Action]] = {}


def after_import(name: str, action: Action) -> None:
    """Call `action(module)` once module `name` is imported, before anyone can use it. `action` must not raise.

    It is called now when the module is imported; right after the module's code ran when it is not; at the first use of
    one of the module's attributes when its import is under way: Hummingbot lists its connectors in the middle of
    importing `client_config_map`.
    """
    module = sys.modules.get(name)
    if module is not None and not _is_being_imported(module):
        action(module)
        return
    _waiting.setdefault(name, []).append(action)
    if module is not None:
        module.__class__ = _Watched
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def _is_being_imported(module: ModuleType) -> bool:
    # The import system's own mark; object's way past _Watched.
    return bool(getattr(ModuleType.__getattribute__(module, "__spec__"), "_initializing", False))


def _run(name: str, module: ModuleType) -> None:
    for action in _waiting.pop(name, ()):
        action(module)
    if not _waiting and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


class _Watched(ModuleType):
    """A module whose import is under way; becomes an ordinary one when it is first used."""

    def __getattribute__(self, name: str) -> object:
        if not _is_being_imported(self):
            self.__class__ = ModuleType  # type: ignore[assignment]
            _run(ModuleType.__getattribute__(self, "__name__"), self)
        return ModuleType.__getattribute__(self, name)


class _Finder:
    """Finds nothing itself: has the loader of a waited-for module call us when the module's code ran."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders have for a waited-for module, None for every other."""
        if name not in _waiting or name in sys.modules:
            return None
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None and spec.loader is not None:
                _call_after_execution(spec)
                return spec
        return None


def _call_after_execution(spec: ModuleSpec) -> None:
    execute = spec.loader.exec_module  # type: ignore[union-attr]

    def exec_module(module: ModuleType) -> None:
        execute(module)
        _run(spec.name, module)

    spec.loader.exec_module = exec_module  # type: ignore[union-attr, method-assign]


_finder = _Finder()
