"""Order entry over REST: place, edit, cancel, mass cancel, dead man's switch (API reference §3.11–§3.13).

A reply says "received". What the matching engine makes of it happens after the acceptance delay, in order, and is told
by the account stream.
"""

from collections.abc import Iterable

from aiohttp import web
from msgspec.structs import replace

from hummingbot_extended.venue.enums import Mode
from hummingbot_extended.venue.faults import FaultKind
from hummingbot_extended.venue.order_body import decode_object, read_order
from hummingbot_extended.venue.orders import OrderReceipt, OrderRequest
from hummingbot_extended.venue.refusals import Refusal, refusal
from hummingbot_extended.venue.rest import Rest, bad_request, needed_int
from hummingbot_extended.venue.wire import Json, ok

MODE_FAULTS = {
    FaultKind.MAINTENANCE: Mode.MAINTENANCE,
    FaultKind.POST_ONLY_MODE: Mode.POST_ONLY,
    FaultKind.REDUCE_ONLY_MODE: Mode.REDUCE_ONLY,
}


class OrdersApi:
    """The endpoints that change orders."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._core = rest.core

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the routes."""
        route = self._rest.route
        return [
            route("POST", "/user/order", self.place),
            route("POST", "/user/order/rfq", self.place_rfq),
            route("POST", "/user/order/massCancel", self.mass_cancel),
            route("DELETE", "/user/order/{id}", self.cancel),
            route("DELETE", "/user/order", self.cancel_by_external_id),
            route("POST", "/user/deadmanswitch", self.dead_mans_switch),
        ]

    async def place(self, request: web.Request) -> Json:
        """POST /user/order: check, give an id, and let the engine have it later."""
        account = self._rest.account(request)
        return self._place(request, account.id, read_order(await request.read()))

    async def place_rfq(self, request: web.Request) -> Json:
        """POST /user/order/rfq: only for markets with `isRfq`."""
        account = self._rest.account(request)
        return self._place(request, account.id, replace(read_order(await request.read()), is_rfq=True))

    def _place(self, request: web.Request, account_id: int, order: OrderRequest) -> Json:
        receipt = self._core.do(lambda: self._receive(request, account_id, order))
        self._core.accept_later(receipt.id, order.market, account_id)
        return ok({"id": receipt.id, "externalId": receipt.external_id})

    def _receive(self, request: web.Request, account_id: int, order: OrderRequest) -> OrderReceipt:
        engine, now_ms = self._core.engine, self._core.now_ms()
        path = f"{request.method} {request.path}"
        for kind, mode in MODE_FAULTS.items():
            if self._core.fires(kind, path=path, market=order.market, account=account_id):
                engine.set_mode(mode, now_ms)
                try:
                    return engine.receive_order(account_id, order, now_ms)
                finally:
                    engine.set_mode(self._core.mode, now_ms)
        return engine.receive_order(account_id, order, now_ms)

    async def cancel(self, request: web.Request) -> Json:
        """DELETE /user/order/{id}."""
        account = self._rest.account(request)
        try:
            order_id = int(request.match_info["id"])
        except ValueError as error:
            raise bad_request("the order id must be an integer") from error
        return self._cancel(account.id, order_id=order_id)

    async def cancel_by_external_id(self, request: web.Request) -> Json:
        """DELETE /user/order?externalId=."""
        account = self._rest.account(request)
        external_id = request.query.get("externalId")
        if not external_id:
            raise bad_request("externalId is required")
        return self._cancel(account.id, external_id=external_id)

    def _cancel(self, account_id: int, *, order_id: int | None = None, external_id: str | None = None) -> Json:
        ids = self._core.engine.receive_cancel(
            account_id, self._core.now_ms(), order_id=order_id, external_id=external_id
        )
        self._cancel_later(ids)
        return ok({}, present=self._core.variants.cancel_data == "object")

    def _cancel_later(self, ids: Iterable[int]) -> None:
        def cancel() -> None:
            for order_id in ids:
                self._core.engine.execute_cancel(order_id, self._core.now_ms())

        self._core.later(cancel)

    async def mass_cancel(self, request: web.Request) -> Json:
        """POST /user/order/massCancel; ids may come as strings (ccxt sends them so)."""
        account = self._rest.account(request)
        body = decode_object(await request.read())
        try:
            order_ids = [int(order_id) for order_id in body.get("orderIds") or ()]
        except (TypeError, ValueError) as error:
            raise refusal(1133, "orderIds") from error
        ids = self._core.engine.receive_mass_cancel(
            account.id,
            self._core.now_ms(),
            order_ids=order_ids,
            external_ids=_texts(body, "externalOrderIds"),
            markets=_texts(body, "markets"),
            cancel_all=body.get("cancelAll") is True,
        )
        self._cancel_later(ids)
        return ok({})

    async def dead_mans_switch(self, request: web.Request) -> Json | web.Response:
        """POST /user/deadmanswitch?countdownTime=N; its unit and its reply are variants."""
        account = self._rest.account(request)
        countdown = needed_int(request, "countdownTime")
        self._core.do(lambda: self._core.engine.set_dead_mans_switch(account.id, countdown, self._core.now_ms()))
        if self._core.variants.deadmanswitch_reply == "empty_string":
            return web.Response(text='""', content_type="application/json")
        return ok(present=False)


def _texts(body: dict[str, object], name: str) -> list[str]:
    values = body.get(name) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Refusal(400, 1133, f"Invalid order parameters: {name}")
    return values
