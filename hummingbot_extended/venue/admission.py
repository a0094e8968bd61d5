"""Receiving an order: every check of the REST level, the signatures, then an id (API reference §3.11, §4.10)."""

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from hummingbot_extended.errors import SettingsError
from hummingbot_extended.venue import checks
from hummingbot_extended.venue.checks import FORM_CHECKS, FUNDS_CHECKS, Case
from hummingbot_extended.venue.enums import OrderStatus, OrderType, SelfTradeProtection, Side, TpSlType
from hummingbot_extended.venue.floor import Floor
from hummingbot_extended.venue.ledger import Ledger
from hummingbot_extended.venue.orders import Leg, Order, OrderReceipt, OrderRequest, Settlement
from hummingbot_extended.venue.refusals import refusal
from hummingbot_extended.venue.signature import SignedOrder, is_valid, order_hash, whole_position_qty
from hummingbot_extended.venue.state import PendingOrder
from hummingbot_extended.venue.tpsl_checks import TPSL_CHECKS, leg_side, legs_of


class Admission:
    """Turns requests into pending orders, or refuses them; nothing has changed after a Refusal."""

    def __init__(self, floor: Floor, ledger: Ledger) -> None:
        self._floor = floor
        self._ledger = ledger

    def receive(self, account_id: int, request: OrderRequest, now_ms: int, *, is_signed: bool) -> OrderReceipt:
        """Check an order and keep it as pending; returns its id. Raises Refusal."""
        floor = self._floor
        case = Case(
            floor=floor,
            ledger=self._ledger,
            account=floor.account(account_id),
            market=floor.market(request.market),
            request=request,
            replaced=self._replaced(account_id, request),
            now_ms=now_ms,
        )
        checks.run(FORM_CHECKS, case)
        checks.run(TPSL_CHECKS, case)
        signed_hash = self._check_signatures(case) if is_signed and floor.config.verify_signatures else None
        checks.run(FUNDS_CHECKS, case)
        order = _order(case, floor.state.ids.take(), signed_hash)
        is_silent = request.self_trade_protection is None and floor.config.missing_stp == "silent"
        floor.store.add_pending(PendingOrder(order, is_silent))
        return OrderReceipt(order.id, order.external_id)

    def _replaced(self, account_id: int, request: OrderRequest) -> Order | None:
        if request.cancel_id is None:
            return None
        candidates = map(self._floor.store.open, self._floor.store.ids_of(account_id, request.cancel_id))
        return next((order for order in candidates if order and order.market == request.market), None)

    def _check_signatures(self, case: Case) -> int | None:
        """Raise 1100, 1101, 1102 or 1134 unless all signatures are the account's over these very values."""
        own_hash = None
        for settlement, signed in _signed_parts(case):
            signed_hash = self._check_signature(case, settlement, signed)
            own_hash = signed_hash if own_hash is None else own_hash
        if own_hash is not None and self._floor.store.is_signed_twice(case.account.id, own_hash):
            raise refusal(1134)
        return own_hash

    def _check_signature(self, case: Case, settlement: Settlement | None, signed: SignedOrder) -> int:
        if settlement is None:
            raise refusal(1101)
        if settlement.stark_key != case.account.public_key:
            raise refusal(1100)
        if settlement.vault != case.account.vault:
            raise refusal(1102)
        try:
            signed_hash = order_hash(signed, case.spec, settlement, case.config.chain_id)
        except SettingsError:
            raise refusal(1101) from None
        if not is_valid(signed_hash, settlement):
            raise refusal(1101)
        return signed_hash


def _signed_parts(case: Case) -> Iterator[tuple[Settlement | None, SignedOrder]]:
    """Yield what must be signed: the order (not a TPSL one) and each leg; they share nonce, expiry and fee (§4.8)."""
    request = case.request
    if request.type is not OrderType.TPSL:
        yield request.settlement, _signed(request, request.side, request.qty, case.price)
    for leg in legs_of(case):
        is_whole = request.tp_sl_type is TpSlType.POSITION
        qty = whole_position_qty(case.spec, leg.price) if is_whole else request.qty
        yield leg.settlement, _signed(request, leg_side(case), qty, leg.price)


def _signed(request: OrderRequest, side: Side, qty: Decimal, price: Decimal) -> SignedOrder:
    return SignedOrder(
        side=side,
        qty=qty,
        price=price,
        fee_rate=request.fee_rate + request.builder_fee,
        expire_ms=request.expire_ms,
        nonce=request.nonce,
    )


def _order(case: Case, order_id: int, signed_hash: int | None) -> Order:
    request = case.request
    return Order(
        id=order_id,
        account_id=case.account.id,
        external_id=request.external_id,
        market=request.market,
        type=request.type,
        side=request.side,
        status=OrderStatus.NEW,
        price=None if request.type is OrderType.TPSL else request.price,
        qty=request.qty,
        time_in_force=request.time_in_force,
        expire_ms=request.expire_ms,
        created_ms=case.now_ms,
        updated_ms=case.now_ms,
        self_trade_protection=request.self_trade_protection or SelfTradeProtection.ACCOUNT,
        reduce_only=request.reduce_only,
        post_only=request.post_only,
        trigger=request.trigger,
        tp_sl_type=request.tp_sl_type,
        take_profit=_unsigned(request.take_profit),
        stop_loss=_unsigned(request.stop_loss),
        builder_fee=request.builder_fee,
        builder_id=request.builder_id,
        cancel_id=request.cancel_id,
        prev_order_id=case.replaced.id if case.replaced else None,
        order_hash=signed_hash,
    )


def _unsigned(leg: Leg | None) -> Leg | None:
    return None if leg is None else replace(leg, settlement=None)
