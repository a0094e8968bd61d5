"""Hummingbot's OrderBook as releases have it: compiled with optimisation.

The development environment's Hummingbot is built with -O0 (its wheel is then ready in a minute). That makes the C++
part, which every way of keeping a book shares, several times slower, and hides what the ways differ in. An `order_book`
extension built with -O2 is named by BENCH_ORDER_BOOK. Import this module before any other of Hummingbot's.
"""

import importlib.machinery
import importlib.util
import os
import sys

ENVIRONMENT = "BENCH_ORDER_BOOK"
MODULE = "hummingbot.core.data_type.order_book"


def use() -> str:
    """Load the extension that BENCH_ORDER_BOOK names, if it does; returns a line that says which one is measured."""
    path = os.environ.get(ENVIRONMENT)
    if not path:
        return f"OrderBook of the environment; set {ENVIRONMENT} to one built with -O2 where that was built with -O0"
    loader = importlib.machinery.ExtensionFileLoader(MODULE, path)
    spec = importlib.util.spec_from_file_location(MODULE, path, loader=loader)
    if spec is None:
        raise ImportError(f"{path} is no extension module")
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    sys.modules[MODULE] = module
    package = importlib.import_module("hummingbot.core.data_type")
    package.order_book = module
    return f"OrderBook of {path}"


WHICH = use()
