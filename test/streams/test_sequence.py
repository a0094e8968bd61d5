import pytest
from hypothesis import given
from hypothesis import strategies as st

from hummingbot_extended.errors import SequenceGap
from hummingbot_extended.streams.sequence import SequenceChecker


@given(st.one_of(st.none(), st.integers(0, 5)), st.lists(st.integers(0, 8), max_size=20))
def test_check_accepts_exactly_the_messages_that_follow_one_another(first, seqs):
    checker = SequenceChecker(first)
    expected = first
    for seq in seqs:
        if expected is None or seq == expected:
            checker.check(seq)
            expected = seq + 1
        else:
            with pytest.raises(SequenceGap) as caught:
                checker.check(seq)
            assert (caught.value.expected, caught.value.received) == (expected, seq)
        assert checker.expected == expected


def test_check_names_the_stream_and_repr_what_it_waits_for():
    checker = SequenceChecker(1, "orderbooks/BTC-USD")
    assert repr(checker) == "<SequenceChecker orderbooks/BTC-USD: expects 1>"
    with pytest.raises(SequenceGap, match="orderbooks/BTC-USD: expected seq 1, received 3"):
        checker.check(3)
