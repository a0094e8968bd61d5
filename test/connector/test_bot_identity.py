"""Who a bot is, and what its journal remembers over a crash."""

import resource
import subprocess
import sys

import hummingbot
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.connector import bot_identity
from hummingbot_extended.connector.bot_identity import IntentJournal, identify
from hummingbot_extended.errors import SettingsError

HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "a+")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def identities(monkeypatch):
    known = {}
    monkeypatch.setattr(bot_identity, "_identities", known)
    yield known
    for identity in known.values():
        if identity.journal is not None:
            identity.journal.close()


@pytest.fixture
def hold():
    """Lock a file from another process, as a running bot does."""
    holders = []

    def start(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        holders.append(holder)
        assert holder.stdout.readline() == b"held\n"

    yield start
    for holder in holders:
        holder.communicate()


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde")), max_size=30), st.integers(0, 5))
def test_journal_after_a_crash_holds_what_was_written_and_not_struck_out(tmp_path_factory, steps, torn):
    path = tmp_path_factory.mktemp("journal") / "bot.journal"
    journal, left = IntentJournal(path), []
    for is_written, name in steps:
        if is_written:
            journal.write(name)
            left = [each for each in left if each != name] + [name] if name not in left else left
        else:
            journal.strike_out(name)
            left = [each for each in left if each != name]
    assert journal.pending == left
    journal.close()
    with path.open("a") as file:
        file.write("+torn"[:torn])  # the machine died in the middle of a line
    again = IntentJournal(path)
    assert again.pending == left
    assert str(len(left)) in repr(again)
    again.close()
    assert path.read_text() == "".join(f"+{name}\n" for name in left)


def test_full_disk_stops_no_order_and_is_told_once(tmp_path, caplog):
    path = tmp_path / "bot.journal"
    journal = IntentJournal(path)
    journal.write("first")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, limits[1]))
    try:
        journal.write("second")
        journal.strike_out("second")
        assert journal.pending == ["first"]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [message.partition(" failed")[0] for message in caplog.messages] == ["Writing the journal of orders"]
    journal.write("third")
    journal.close()
    again = IntentJournal(path)
    assert again.pending == ["first", "third"]
    again.close()


def test_same_arguments_give_the_same_identity(tmp_path):
    mine = identify("extended_perpetual", "me", tmp_path)
    assert mine is identify("extended_perpetual", "me", tmp_path)
    assert mine.prefix == "hbx-me-"
    assert mine.owns("hbx-me-BBCUD1")
    assert not mine.owns("hbx-you-BBCUD1")
    assert not mine.owns(None)
    assert "hbx-me-" in repr(mine)


def test_chosen_id_that_another_bot_uses_is_refused(tmp_path, hold):
    hold(tmp_path / "extended_perpetual.me.journal")
    with pytest.raises(SettingsError, match="'me' is in use by another running bot"):
        identify("extended_perpetual", "me", tmp_path)


def test_two_processes_of_one_installation_get_two_ids(tmp_path, hold, monkeypatch):
    first = bot_identity.installation_id() + "0"
    hold(tmp_path / f"extended_perpetual.{first}.journal")
    second = identify("extended_perpetual", "", tmp_path)
    assert second.bot_id == first[:-1] + "1"
    monkeypatch.setattr(bot_identity, "SLOTS", "0")
    with pytest.raises(SettingsError, match="are running already"):
        identify("extended_perpetual", "", tmp_path / ".." / tmp_path.name)


def test_without_a_place_for_a_journal_the_bot_still_has_an_id(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    for bot_id in ("me", ""):
        identity = identify("extended_perpetual", bot_id, tmp_path / "file")
        assert identity.journal is None
    assert sum("No journal of orders" in message for message in caplog.messages) == 2


def test_installations_differ_by_their_instance_id(tmp_path, monkeypatch):
    monkeypatch.setattr(hummingbot, "prefix_path", lambda: str(tmp_path))
    unnamed = bot_identity.installation_id()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "conf_client.yml").write_text("a: 1\ninstance_id: 123abc\n")
    named = bot_identity.installation_id()
    assert len(named) == len(unnamed) == 5
    assert named != unnamed
