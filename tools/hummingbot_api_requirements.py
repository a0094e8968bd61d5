"""Print what a hummingbot-api needs from PyPI, by its environment.yml, which is conda's:  FOLDER

Conda's names are turned into PyPI's; what only conda needs, or only its developers, is left out. Hummingbot itself
comes from our own wheel.
"""

import re
import sys
from pathlib import Path

NAMES = {"docker-py": "docker"}
LEFT_OUT = {"python", "pip", "libcxx", "libta-lib", "hummingbot", "flake8", "isort", "pre-commit"}
# Conda lists, pip lists in them: "  - name>=1" and "      - name[extra]>=1".
ENTRY = re.compile(r"^\s*- ([A-Za-z0-9_.-]+)(\[[^\]]+\])?\s*([<>=!~][^#]*)?(#.*)?$")


def requirements(text: str) -> list[str]:
    """Return the requirements that an environment.yml names."""
    _, _, listed = text.partition("dependencies:")
    found: dict[str, str] = {}
    for line in listed.splitlines():
        if match := ENTRY.match(line):
            name, extras, version = match[1].lower(), match[2] or "", (match[3] or "").strip()
            # Conda's "=1.2" is a prefix.
            version = re.sub(r"^=([^=].*)$", r"==\1.*", version).replace(" ", "")
            if name not in LEFT_OUT:
                found[f"{NAMES.get(name, name)}{extras}"] = version
    return [f"{name}{version}" for name, version in found.items()]


if __name__ == "__main__":
    print("\n".join(requirements((Path(sys.argv[1]) / "environment.yml").read_text(encoding="utf-8"))))
