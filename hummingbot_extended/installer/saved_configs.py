"""What Hummingbot saved about the connector, and how it is put aside.

With keys saved for a connector that it cannot find, or a rate source it does not know, Hummingbot cannot log in at all.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.installer.hummingbot_folder import CONNECTORS
from hummingbot_extended.installer.shim_files import free_name

BACKUP = "_extended_backup"


@dataclass(frozen=True, slots=True)
class SavedConfigs:
    """What one conf folder holds of ours."""

    conf: Path
    keys: tuple[Path, ...]
    rate_source: str = ""
    paper_trade: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The connectors whose keys are saved."""
        return tuple(path.stem for path in self.keys)

    @property
    def wants_connector(self) -> bool:
        """Whether Hummingbot cannot log in without the connector."""
        return bool(self.keys or self.rate_source)

    @property
    def backup(self) -> Path:
        """Where they are put aside: Hummingbot does not look into it."""
        return self.conf / BACKUP


def read_saved_configs(conf: Path) -> SavedConfigs:
    """Return what `conf` holds of ours. Raises SettingsError when conf_client.yml is not YAML."""
    keys = tuple(path for name in CONNECTORS if (path := conf / "connectors" / f"{name}.yml").is_file())
    client = _read_yaml(conf / "conf_client.yml")
    source = client.get("rate_oracle_source")
    name = source.get("name") if isinstance(source, dict) else source
    paper = client.get("paper_trade")
    exchanges = paper.get("paper_trade_exchanges") if isinstance(paper, dict) else None
    return SavedConfigs(
        conf,
        keys,
        rate_source=str(name) if name in CONNECTORS else "",
        paper_trade=tuple(entry for entry in exchanges or () if _is_ours(entry)),
    )


def put_aside(saved: SavedConfigs) -> list[Path]:
    """Move saved keys to conf/_extended_backup and reset mentions in conf_client.yml; return where things went.

    The encrypted keys are kept as they are. conf_client.yml is copied there before it is changed.
    """
    moved = []
    if saved.rate_source or saved.paper_trade:
        moved.append(_reset_mentions(saved))
    for path in saved.keys:
        saved.backup.mkdir(exist_ok=True)
        place = free_name(saved.backup / path.name)
        path.rename(place)
        moved.append(place)
    return moved


def _reset_mentions(saved: SavedConfigs) -> Path:
    """Take our names out of conf_client.yml; Hummingbot writes its comments and defaults anew at the next start."""
    path = saved.conf / "conf_client.yml"
    content = _read_yaml(path)
    if saved.rate_source:
        del content["rate_oracle_source"]
    if saved.paper_trade:
        paper = content["paper_trade"]
        paper["paper_trade_exchanges"] = [entry for entry in paper["paper_trade_exchanges"] if not _is_ours(entry)]
    saved.backup.mkdir(exist_ok=True)
    copy = free_name(saved.backup / path.name)
    shutil.copy2(path, copy)
    temporary = path.with_suffix(".yml.new")
    temporary.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    shutil.copymode(path, temporary)
    os.replace(temporary, path)
    return copy


def _is_ours(entry: object) -> bool:
    return str(entry).removesuffix("_paper_trade") in CONNECTORS


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError):
        raise SettingsError(f"{path} is not valid YAML") from None
    return dict(content) if isinstance(content, Mapping) else {}
