#!/bin/sh
# Print the path of a usable Python 3.12: the one in $PYTHON, on PATH, or in pyenv's, conda's or uv's folders.
# A pyenv shim named python3.12 may exist and still refuse to run, so every candidate is tried, not just looked at.
set -u

usable() {
    [ -n "$1" ] && command -v "$1" >/dev/null 2>&1 && "$1" - >/dev/null 2>&1 <<'PYTHON'
import ensurepip, os, sys, sysconfig, venv
assert sys.version_info[:2] == (3, 12)
assert os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))
PYTHON
}

# The folder above a command's own: pyenv's, where the command is pyenv itself or a shim of it, whoever's HOME that is in.
above() { dirname "$(dirname "$(command -v "$1" || echo /nonexistent/bin/none)")"; }

HOME="${HOME:-/nonexistent}"

for candidate in \
    "${PYTHON:-}" python3.12 python3 \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python3.12 "$HOME"/.pyenv/versions/3.12*/bin/python3.12 \
    "$(above pyenv)"/versions/3.12*/bin/python3.12 "$(above python)"/versions/3.12*/bin/python3.12 \
    /opt/pyenv/versions/3.12*/bin/python3.12 \
    "${CONDA_PREFIX:-/nonexistent}"/bin/python3.12 \
    "$HOME"/miniconda3/bin/python3.12 "$HOME"/anaconda3/bin/python3.12 "$HOME"/miniforge3/bin/python3.12 \
    "$HOME"/mambaforge/bin/python3.12 /opt/conda/bin/python3.12 \
    "$HOME"/miniconda3/envs/*/bin/python3.12 "$HOME"/anaconda3/envs/*/bin/python3.12 \
    "$HOME"/miniforge3/envs/*/bin/python3.12 /opt/conda/envs/*/bin/python3.12 \
    "$HOME"/.local/share/uv/python/cpython-3.12*/bin/python3.12 \
    /usr/bin/python3.12 /usr/local/bin/python3.12 /opt/homebrew/bin/python3.12; do
    if usable "$candidate"; then
        command -v "$candidate"
        exit 0
    fi
done

cat >&2 <<'MESSAGE'
hummingbot-extended: no usable Python 3.12 was found (on PATH, in pyenv's, conda's and uv's folders).
Install one, with its headers (pyenv install 3.12, conda create -n py312 python=3.12, or apt install python3.12-dev
python3.12-venv), or name it:  make test PYTHON=/path/to/python3.12
MESSAGE
exit 1
