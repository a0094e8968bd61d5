"""Build Hummingbot's OrderBook with optimisation, once, into the cache.

    python -m bench.build_order_book

`python -m bench` calls it. The development environment's Hummingbot is built without (tools/hummingbot_wheel.py). Needs
a C++ compiler and the package index, for the same pinned and hashed source package. Prints the extension's path.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.hummingbot_wheel import BUILD_LOCK, RELEASES, download_source

VERSION = next(iter(RELEASES))  # the one that is developed on

# Run by the builder's Python in the source folder: what Hummingbot's setup.py does for one module, optimised.
COMPILE = """
import sys, numpy
from Cython.Build import cythonize
from setuptools import setup
modules = cythonize(
    ["hummingbot/core/data_type/order_book.pyx"],
    compiler_directives={"annotation_typing": False, "language_level": 3},
    quiet=True,
)
for module in modules:
    module.extra_compile_args = ["-std=c++11", "-O2", "-w"]
setup(name="order-book", ext_modules=modules, packages=[], include_dirs=[numpy.get_include()],
      script_args=["--quiet", "--no-user-cfg", "build_ext", "--build-lib", sys.argv[1]])
"""


def cache() -> Path:
    """The folder that holds the extension."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hummingbot-extended"
    return Path(os.environ.get("HUMMINGBOT_EXTENDED_CACHE") or base) / f"order-book-{VERSION}-cp312-O2"


def built() -> Path | None:
    """The extension, where it was built before."""
    return next(cache().glob("order_book*.so"), None)


def build() -> Path:
    """Build it. Raises CalledProcessError where there is no compiler or no index; SystemExit for a wrong hash."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / ".lock").open("w") as lock, tempfile.TemporaryDirectory() as name:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := built():
            return found
        folder = Path(name)
        builder = folder / "env" / "bin" / "python"
        _run(sys.executable, "-m", "venv", folder / "env")
        _run(builder, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", BUILD_LOCK)
        with tarfile.open(download_source(builder, folder, VERSION)) as package:
            package.extractall(folder, filter="data")
        _run(builder, "-c", COMPILE, folder / "out", cwd=folder / f"hummingbot-{VERSION}")
        (made,) = folder.glob("out/**/order_book*.so")
        shutil.copy(made, cache() / f".{made.name}")
        return (cache() / f".{made.name}").rename(cache() / made.name)


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, stdout=sys.stderr)


if __name__ == "__main__":
    print(build())
