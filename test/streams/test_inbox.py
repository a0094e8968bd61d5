import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.streams.inbox import POLICIES, Inbox


def drain(inbox):
    return [inbox.take() for _ in range(len(inbox))]


def test_block_keeps_everything_and_says_when_it_is_full():
    inbox = Inbox("block", 2)
    assert [inbox.put(n) for n in range(2)] == ["kept"] * 2
    assert inbox.is_full
    assert inbox.put(2) == "kept"
    assert drain(inbox) == [0, 1, 2]


def test_drop_oldest_keeps_the_newest():
    inbox = Inbox("drop_oldest", 2)
    assert [inbox.put(n) for n in range(4)] == ["kept", "kept", "dropped", "dropped"]
    assert drain(inbox) == [2, 3]


def test_error_refuses_what_is_too_much():
    inbox = Inbox("error", 2)
    assert [inbox.put(n) for n in range(3)] == ["kept", "kept", "refused"]
    assert drain(inbox) == [0, 1]


def test_conflate_keeps_the_newest_of_each_key_in_the_place_of_the_first():
    inbox = Inbox("conflate", 2, key=lambda message: message[0])
    results = [inbox.put(message) for message in ("a1", "b1", "a2", "c1", "c2")]
    assert results == ["kept", "kept", "conflated", "dropped", "conflated"]
    assert drain(inbox) == ["b1", "c2"]


def test_conflate_without_a_key_keeps_the_newest():
    inbox = Inbox("conflate", 5)
    assert [inbox.put(n) for n in range(3)] == ["kept", "conflated", "conflated"]
    assert drain(inbox) == [2]


@pytest.mark.parametrize("policy", POLICIES)
def test_take_from_an_empty_inbox_raises(policy):
    inbox = Inbox(policy, 1)
    inbox.put(1)
    inbox.clear()
    assert len(inbox) == 0
    with pytest.raises(IndexError):
        inbox.take()


@pytest.mark.parametrize(
    ("policy", "limit", "key"), [("keep_all", 1, None), ("block", 0, None), ("drop_oldest", 1, str)]
)
def test_an_inbox_refuses_settings_that_mean_nothing(policy, limit, key):
    with pytest.raises(SettingsError):
        Inbox(policy, limit, key)


@given(
    st.sampled_from([p for p in POLICIES if p != "block"]), st.integers(1, 4), st.lists(st.integers(0, 9) | st.none())
)
def test_every_message_is_taken_dropped_conflated_or_refused_and_the_bound_holds(policy, limit, actions):
    """None takes, a number puts. Nothing is lost without a word, and what is taken is in order."""
    inbox = Inbox(policy, limit, key=(lambda m: m[1] % 3) if policy == "conflate" else None)
    counts = {"kept": 0, "dropped": 0, "conflated": 0, "refused": 0}
    taken = []
    for number, action in enumerate(actions):
        if action is not None:
            counts[inbox.put((number, action))] += 1
        elif inbox:
            taken.append(inbox.take())
        assert len(inbox) <= limit
    taken += drain(inbox)
    assert len(taken) + counts["dropped"] + counts["conflated"] + counts["refused"] == sum(counts.values())
    if policy != "conflate":
        assert taken == sorted(taken)
