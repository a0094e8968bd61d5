"""How an order is asked for: by id, by external id, in the history; only all three together say that there is none."""

import pytest

from hummingbot_extended.errors import NotFound, RequestTimedOut, ServerUnavailable
from hummingbot_extended.exchange.order_search import find_order
from test.connector import models

MISSING = NotFound(404, "NOT_FOUND", "Order not found")
BARE = NotFound(404, None, "")
NO_ACCOUNT = NotFound(404, 1004, "Account not found")
OLD, NEW = models.order(1, updatedTime=1), models.order(2, updatedTime=2)
LEG = models.order(3, type="TPSL", updatedTime=3)


class Rest:
    """Answers as told; an exception is raised."""

    def __init__(self, by_id, by_external_id, history):
        self.answers = {"id": by_id, "external": by_external_id, "history": history}

    def _answer(self, what):
        answer = self.answers[what]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def order(self, order_id):
        return self._answer("id")

    async def orders_by_external_id(self, external_id):
        return self._answer("external")

    async def orders_history(self, *, order_ids, external_ids, limit):
        return self._answer("history")


@pytest.mark.parametrize(
    ("answers", "order_id", "found"),
    [
        ((OLD, MISSING, []), 1, OLD),
        ((MISSING, [OLD, NEW], []), 1, NEW),
        ((OLD, [NEW], []), None, NEW),
        ((MISSING, [], [NEW, OLD]), 1, NEW),
        ((MISSING, MISSING, [OLD]), 1, OLD),
        ((MISSING, [OLD, LEG], []), 1, OLD),
        ((MISSING, [LEG], []), 1, LEG),
        ((MISSING, MISSING, []), 1, NotFound),
        ((NO_ACCOUNT, [NEW], [NEW]), 1, NotFound),
        ((MISSING, NO_ACCOUNT, [NEW]), 1, NotFound),
        ((RequestTimedOut("late"), [NEW], [NEW]), 1, RequestTimedOut),
        ((MISSING, RequestTimedOut("late"), [NEW]), 1, RequestTimedOut),
        ((MISSING, MISSING, RequestTimedOut("late")), 1, RequestTimedOut),
        ((BARE, BARE, []), 1, NotFound),
        ((BARE, BARE, BARE), 1, ServerUnavailable),
    ],
)
async def test_order_is_looked_for_everywhere_and_an_error_is_not_an_answer(answers, order_id, found):
    looking = find_order(Rest(*answers), external_id="a", order_id=order_id)
    if isinstance(found, type):
        with pytest.raises(found) as error:
            await looking
        assert error.value.args != (MISSING.args if found is NotFound else ())
    else:
        assert await looking is found
