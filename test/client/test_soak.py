"""The shortest form of the soak (bench/soak.py): nothing is lost under faults. `make soak` runs longer ones."""

import pytest

from bench.soak import soak


@pytest.mark.slow
async def test_nothing_is_lost_under_faults():
    wrong, figures = await soak(20)
    # How fast a loaded machine is, is not for a test to say.
    assert [sentence for sentence in wrong if "messages a second" not in sentence] == [], figures
    assert figures["subscriptions"] >= 20
    assert figures["faults_fired"] >= 3
    assert figures["reconnects"] >= 1
    assert figures["trades"] > 100
    assert figures["fills"] >= 5
