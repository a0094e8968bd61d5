"""Who this bot is among those that share one API key, and which orders it was about to place when it died.

Every order id of a bot begins with its prefix. The bot keeps a journal: an id is written before its order is sent and
struck out once Hummingbot has recorded the order. What is left in it after a crash is an order that only the exchange
may know. The journal is locked while its bot runs, so that two processes of one installation get two prefixes.
"""

import atexit
import fcntl
import logging
import os
import platform
from hashlib import sha256
from pathlib import Path
from typing import TextIO

import hummingbot

from hummingbot_extended.connector.extended_perpetual_constants import ORDER_ID_BRAND
from hummingbot_extended.connector.fault_log import FaultLog
from hummingbot_extended.errors import SettingsError

JOURNALS = "extended_perpetual"  # the directory below Hummingbot's data
JOURNALLING = "Writing the journal of orders"
SLOTS = "0123456789abcdefghijklmnopqrstuvwxyz"

_identities: dict[tuple[str, str, str], "BotIdentity"] = {}


class IntentJournal:
    """Ids of orders that are about to be sent and not yet recorded, in an append-only file that survives SIGKILL.

    Raises BlockingIOError where another process has it open, OSError where it cannot be written. Where that comes later
    (the disk is full), the log says so and orders go on: a position must be closed with a full disk, too.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = path.open("a+", encoding="ascii")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise
        self._faults = FaultLog(logging.getLogger(__name__))
        self._open_ids = dict.fromkeys(_replay(self._file))
        self._rewrite()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} with {len(self._open_ids)} open>"

    @property
    def pending(self) -> list[str]:
        """Ids that were written and not struck out, oldest first; after a start: those of the bot's last life."""
        return list(self._open_ids)

    def write(self, client_order_id: str) -> None:
        """Note that an order is about to be sent. In the file when this returns, if it can be written."""
        self._open_ids[client_order_id] = None
        self._record(f"+{client_order_id}\n")

    def strike_out(self, client_order_id: str) -> None:
        """Note that an order is recorded, or was never accepted. Unknown ids are ignored."""
        if client_order_id not in self._open_ids:
            return
        del self._open_ids[client_order_id]
        self._record(f"-{client_order_id}\n")

    def close(self) -> None:
        """Give the lock back."""
        self._file.close()

    def _record(self, line: str) -> None:
        try:
            if self._open_ids:
                self._append(line)
            else:
                self._rewrite()
        except OSError as error:
            self._faults.failed(
                JOURNALLING, f"{error}. An order that is filled while the bot crashes may go unrecorded."
            )
        else:
            self._faults.worked(JOURNALLING)

    def _append(self, line: str) -> None:
        self._file.write(line)
        self._file.flush()

    def _rewrite(self) -> None:
        self._file.truncate(0)
        for client_order_id in self._open_ids:
            self._append(f"+{client_order_id}\n")


class BotIdentity:
    """A bot's id, the prefix of its orders, and its journal (None where none can be kept)."""

    def __init__(self, bot_id: str, journal: IntentJournal | None) -> None:
        self.bot_id = bot_id
        self.prefix = f"{ORDER_ID_BRAND}-{bot_id}-"
        self.journal = journal

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.prefix} {self.journal!r}>"

    def owns(self, external_id: str | None) -> bool:
        """Return whether an order with this external id is this bot's."""
        return bool(external_id) and str(external_id).startswith(self.prefix)


def identify(domain: str, bot_id: str = "", directory: Path | None = None) -> BotIdentity:
    """Return this process's identity for `domain`: always the same one for the same arguments.

    `bot_id` is the user's choice; without one it is made from the installation and the first free slot in it.
    `directory` is where journals are kept (Hummingbot's data directory). Raises SettingsError when the chosen `bot_id`
    is in use by another running bot.
    """
    folder = directory or Path(hummingbot.data_path()) / JOURNALS
    key = (str(folder), domain, bot_id)
    if key not in _identities:
        identity = _chosen(folder, domain, bot_id) if bot_id else _first_free(folder, domain)
        if identity.journal is not None:
            atexit.register(identity.journal.close)  # it is this process's until its end
        _identities[key] = identity
    return _identities[key]


def _chosen(folder: Path, domain: str, bot_id: str) -> BotIdentity:
    try:
        return BotIdentity(bot_id, IntentJournal(folder / f"{domain}.{bot_id}.journal"))
    except BlockingIOError:
        raise SettingsError(f"the bot_id {bot_id!r} is in use by another running bot: give each its own") from None
    except OSError as error:
        return _without_journal(bot_id, error)


def _first_free(folder: Path, domain: str) -> BotIdentity:
    base = installation_id()
    for slot in SLOTS:
        bot_id = base + slot
        try:
            return BotIdentity(bot_id, IntentJournal(folder / f"{domain}.{bot_id}.journal"))
        except BlockingIOError:
            continue
        except OSError as error:
            return _without_journal(bot_id, error)
    raise SettingsError(f"{len(SLOTS)} bots of this installation are running already; give this one a bot_id")


def _without_journal(bot_id: str, error: OSError) -> BotIdentity:
    logging.getLogger(__name__).warning(
        "No journal of orders can be kept (%s): an order that is filled while the bot crashes may go unrecorded.", error
    )
    return BotIdentity(bot_id, None)


def installation_id() -> str:
    """Return five characters that tell installations apart: from the instance id in conf_client.yml, or the place."""
    root = Path(hummingbot.prefix_path())
    text = f"{platform.node()}:{root}"
    try:
        for line in (root / "conf" / "conf_client.yml").read_text(encoding="utf-8").splitlines():
            if line.startswith("instance_id:"):
                text = line
    except OSError:
        pass
    return sha256(text.encode()).hexdigest()[:5]


def _replay(file: TextIO) -> list[str]:
    """Return the ids that the file's lines leave open; a last line cut short by a crash of the machine is ignored."""
    file.seek(0, os.SEEK_SET)
    found: dict[str, None] = {}
    for line in file:
        sign, client_order_id = line[:1], line[1:].strip()
        if sign == "+" and line.endswith("\n"):
            found[client_order_id] = None
        elif sign == "-":
            found.pop(client_order_id, None)
    return list(found)
