"""Build Hummingbot's wheel once, into a cache.

Hummingbot is published as source only, and compiling its Cython modules takes a minute or more. This script downloads
the pinned source package, checks its hash, builds the wheel without optimisation (-O0: enough for tests and the demo,
a third of the time) and keeps it in the cache. A second call finds it there. Only the standard library is used.

    python tools/hummingbot_wheel.py --uv PATH_TO_UV --python PATH_TO_PYTHON_3.12 [--cache DIR] [--release 20260922]

Prints the folder that holds the wheel, for `uv pip install --find-links`.
"""

import argparse
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

# The releases that the tests run on, and the SHA-256 of their source packages. The first is the one to develop on.
RELEASES = {
    "20260922": "af2012e5fbc66c23844d64e93056dad70aea1eb1b169b6f986b22fd726c4c2c6",
    "20260901": "14fca954d4443e34e8a69d554e9f52e03fbf9e4dbd958dad071670792a58f0c6",
    "20260729": "3df467767cdef3a093f7e754ef533368e7e6bd212827418a43ce2b30278da94f",
}
BUILD_LOCK = Path(__file__).with_name("hummingbot-build.lock")
MODULES = 60  # Cython extensions in a release; only the progress line uses it


def say(text: str) -> None:
    """Print a progress line to standard error; standard output is the result."""
    print(f"hummingbot: {text}", file=sys.stderr, flush=True)


def fail(sentence: str) -> None:
    """End with one clear sentence and exit code 1."""
    say(sentence)
    raise SystemExit(1)


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command that must succeed."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True, stdout=sys.stderr)


def download_source(python: Path, folder: Path, release: str) -> Path:
    """Download the source package with pip, which knows the machine's index and proxies, and check its hash."""
    say(f"downloading the source package of {release}")
    run(
        python, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "hummingbot", "--no-build-isolation",
        "--dest", folder, f"hummingbot=={release}",
    )  # fmt: skip
    archive = folder / f"hummingbot-{release}.tar.gz"
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != RELEASES[release]:
        fail(f"the source package has the hash {digest}, expected {RELEASES[release]}; nothing was built")
    return archive


def compile_wheel(python: Path, source: Path, log_path: Path) -> None:
    """Compile without optimisation on two cores, with one progress line a tenth."""
    # A global option goes first: with build_ext as its first argument, setup.py appends one that bdist_wheel refuses.
    command = [str(python), "setup.py", "--no-user-cfg", "build_ext", "-j2", "bdist_wheel"]
    environment = {**os.environ, "WITHOUT_CYTHON_OPTIMIZATIONS": "1"}
    compiled = shown = 0
    with (
        log_path.open("w") as log,
        subprocess.Popen(
            command, cwd=source, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process,
    ):
        for line in process.stdout or ():
            log.write(line)
            compiled += bool(re.match(r"building '.+' extension", line))
            if (tenth := min(compiled, MODULES) * 10 // MODULES) > shown:
                shown = tenth
                say(f"compiling, {shown * 10} %")
    if process.returncode:
        sys.stderr.write("".join(log_path.read_text().splitlines(keepends=True)[-20:]))
        fail(f"the build failed, its end is above, the whole log is {log_path}. Is a C++ compiler (g++) installed?")


def build(uv: Path, python: Path, target: Path, release: str) -> None:
    """Build the wheel in a temporary folder and move it into `target` in one step."""
    with tempfile.TemporaryDirectory(prefix="hummingbot-build-") as name:
        folder = Path(name)
        builder = folder / "env" / "bin" / "python"
        run(uv, "venv", "--quiet", "--seed", "--python", python, folder / "env")
        run(uv, "pip", "install", "--quiet", "--python", builder, "--requirement", BUILD_LOCK)
        archive = download_source(builder, folder, release)
        with tarfile.open(archive) as package:
            package.extractall(folder, filter="data")
        source = folder / f"hummingbot-{release}"
        say("compiling (a minute or two, once)")
        compile_wheel(builder, source, target / "build.log")
        (wheel,) = (source / "dist").glob("*.whl")
        partial = target / f".{wheel.name}.partial"
        partial.write_bytes(wheel.read_bytes())
        partial.rename(target / wheel.name)


def main() -> None:
    """Find the wheel in the cache or build it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uv", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True)
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hummingbot-extended"
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("HUMMINGBOT_EXTENDED_CACHE") or default))
    parser.add_argument("--release", choices=RELEASES, default=next(iter(RELEASES)))
    arguments = parser.parse_args()
    target = arguments.cache / f"hummingbot-{arguments.release}-cp312-O0"
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:  # two makes at once build once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not any(target.glob("hummingbot-*.whl")):
            build(arguments.uv, arguments.python, target, arguments.release)
            say(f"{arguments.release} is built, kept in {target}")
    print(target)


if __name__ == "__main__":
    main()
