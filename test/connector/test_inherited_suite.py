"""Hummingbot's own suite for perpetual connectors (50 tests), against the exchange's shapes."""

# ruff: noqa: PT009, RUF012 - a unittest suite of Hummingbot's, with its class attributes as fixtures

import asyncio
import json
import os
import re
from decimal import Decimal
from unittest.mock import patch

from aioresponses import aioresponses
from hummingbot.connector.test_support.perpetual_derivative_test import AbstractPerpetualDerivativeTests
from hummingbot.connector.trading_rule import TradingRule
from hummingbot.core.data_type.common import OrderType, PositionAction, PositionMode, TradeType
from hummingbot.core.data_type.trade_fee import AddedToCostTradeFee, TokenAmount
from hummingbot.core.web_assistant.connections.connections_factory import ConnectionsFactory

from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
from hummingbot_extended.exchange.channels import decode_account
from hummingbot_extended.exchange.endpoints import LOCAL_URL_ENV
from hummingbot_extended.exchange.models import Account, Fees, Market
from hummingbot_extended.exchange.reading import Records, read
from test.connector import inherited_fixtures as wire

REST = "http://127.0.0.1:8099/api/v1"
NOT_FOUND = {"status": 404, "body": json.dumps(wire.error("NOT_FOUND", "Order not found"))}


def exactly(url: str) -> re.Pattern[str]:
    return re.compile(f"^{re.escape(url)}(\\?.*)?$")


class ExtendedPerpetualDerivativeTests(AbstractPerpetualDerivativeTests.PerpetualDerivativeTests):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.base_asset = "COINALPHA"
        cls.quote_asset = "USD"  # every market of the exchange quotes in it
        cls.trading_pair = "COINALPHA-USD"
        cls.trading_pair_2 = "COINALPHA2-USD"

    def setUp(self) -> None:
        local = patch.dict(os.environ, {LOCAL_URL_ENV: "http://127.0.0.1:8099"})
        local.start()
        self.addCleanup(local.stop)
        self.addAsyncCleanup(ConnectionsFactory().close)
        super().setUp()

    def create_exchange_instance(self):
        exchange = ExtendedPerpetualDerivative(
            wire.API_KEY,
            wire.STARK_KEY,
            trading_pairs=[self.trading_pair],
            domain="extended_perpetual_local",
            bot_id="inherit",
        )
        exchange._markets.remember(Records([read(wire.market(self.trading_pair), Market)]))
        exchange._account = Account(account_id=100009, l2_key="0x1", l2_vault=10002)
        exchange._fees.by_pair[self.trading_pair] = Fees(
            market=self.trading_pair, maker_fee_rate=Decimal(0), taker_fee_rate=Decimal("0.00025")
        )
        return exchange

    # --- urls -------------------------------------------------------------------------------------------------------

    all_symbols_url = trading_rules_url = f"{REST}/info/markets"
    latest_prices_url = network_status_url = funding_info_url = f"{REST}/info/markets/COINALPHA-USD/stats"
    order_creation_url = f"{REST}/user/order"
    balance_url = f"{REST}/user/balance"
    funding_payment_url = exactly(f"{REST}/user/funding/history")
    open_orders_url = f"{REST}/user/orders"
    trades_url = exactly(f"{REST}/user/trades")

    # --- replies ----------------------------------------------------------------------------------------------------

    @property
    def all_symbols_request_mock_response(self):
        return wire.ok([wire.market(self.trading_pair)])

    trading_rules_request_mock_response = all_symbols_request_mock_response

    @property
    def all_symbols_including_invalid_pair_mock_response(self):
        markets = [wire.market(self.trading_pair), wire.market("INVALID-USD", status="DELISTED")]
        return "INVALID-USD", wire.ok(markets)

    @property
    def trading_rules_request_erroneous_mock_response(self):
        broken = wire.market(self.trading_pair)
        del broken["tradingConfig"]["minPriceChange"]
        return wire.ok([broken])

    latest_prices_request_mock_response = wire.ok(wire.stats())
    network_status_request_successful_mock_response = wire.ok(wire.stats())
    funding_info_mock_response = wire.ok(wire.stats())
    empty_funding_payment_mock_response = wire.page([])

    @property
    def funding_payment_mock_response(self):
        payment = {
            "id": 8341,
            "accountId": 100009,
            "market": self.trading_pair,
            "positionId": 2103000000000000001,
            "side": "LONG",
            "size": "0.01",
            "value": "840.75",
            "markPrice": "84075.12",
            "fundingFee": str(self.target_funding_payment_payment_amount),
            "fundingRate": str(self.target_funding_payment_funding_rate),
            "paidTime": self.target_funding_payment_timestamp,  # ms, as in Hummingbot's database
        }
        return wire.page([payment])

    @property
    def order_creation_request_successful_mock_response(self):
        return wire.ok({"id": self.expected_exchange_order_id, "externalId": "OID"})

    @property
    def balance_request_mock_response_only_base(self):
        return wire.ok(wire.balance(self.base_asset, "15", "10"))

    @property
    def balance_request_mock_response_for_base_and_quote(self):
        return wire.ok(wire.balance(self.quote_asset, "2000", "2000"))

    @property
    def balance_event_websocket_update(self):
        return self._event("BALANCE", balance=wire.balance(self.base_asset, "15", "10"))

    # --- expectations -----------------------------------------------------------------------------------------------

    expected_latest_price = 9999.9
    expected_supported_order_types = [OrderType.LIMIT, OrderType.LIMIT_MAKER, OrderType.MARKET]
    expected_supported_position_modes = [PositionMode.ONEWAY]
    expected_exchange_order_id = 28
    is_order_fill_http_update_included_in_status_update = True
    is_order_fill_http_update_executed_during_websocket_order_event_processing = False
    expected_partial_fill_price = Decimal("10500")
    expected_partial_fill_amount = Decimal("0.5")
    expected_fill_trade_id = "30"

    @property
    def expected_fill_fee(self):
        return AddedToCostTradeFee(percent_token="USD", flat_fees=[TokenAmount("USD", Decimal("30"))])

    @property
    def expected_trading_rule(self):
        return TradingRule(
            trading_pair=self.trading_pair,
            min_order_size=Decimal("0.01"),
            max_order_size=Decimal("5000000"),
            min_price_increment=Decimal("0.0001"),
            min_base_amount_increment=Decimal("0.000001"),
        )

    @property
    def expected_logged_error_for_erroneous_trading_rule(self):
        return (
            f"The market {self.trading_pair} cannot be read and is left out: "
            "Object missing required field `minPriceChange` - at `$.tradingConfig`"
        )

    def exchange_symbol_for_tokens(self, base_token: str, quote_token: str) -> str:
        return f"{base_token}-{quote_token}"

    # --- requests ---------------------------------------------------------------------------------------------------

    def validate_auth_credentials_present(self, request_call):
        self.assertEqual(wire.API_KEY, request_call.kwargs["headers"]["X-Api-Key"])

    def validate_order_creation_request(self, order, request_call):
        body = json.loads(request_call.kwargs["data"])
        self.assertEqual(order.client_order_id, body["id"])
        self.assertEqual(self.trading_pair, body["market"])
        self.assertEqual("LIMIT", body["type"])
        self.assertEqual("GTT", body["timeInForce"])
        self.assertEqual(order.trade_type.name, body["side"])
        self.assertEqual(order.amount, Decimal(body["qty"]))
        self.assertEqual(order.price, Decimal(body["price"]))
        self.assertEqual(order.position is PositionAction.CLOSE, body["reduceOnly"])
        self.assertEqual("0.00025", body["fee"])
        self.assertEqual("ACCOUNT", body["selfTradeProtectionLevel"])
        self.assertEqual("10002", body["settlement"]["collateralPosition"])

    def validate_order_cancelation_request(self, order, request_call):
        self.assertFalse(request_call.kwargs["data"])

    def validate_order_status_request(self, order, request_call):
        self.assertFalse(request_call.kwargs["data"])

    def validate_trades_request(self, order, request_call):
        self.assertIn(("limit", "1000"), request_call.kwargs["params"])

    # --- cancels ----------------------------------------------------------------------------------------------------

    def configure_successful_cancelation_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        url = f"{REST}/user/order/{order.exchange_order_id}"
        mock_api.delete(url, body=json.dumps({"status": "OK"}), callback=callback)
        return url

    def configure_erroneous_cancelation_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        url = f"{REST}/user/order/{order.exchange_order_id}"
        mock_api.delete(url, status=400, body=json.dumps(wire.error(1133, "Invalid parameters")), callback=callback)
        return url

    def configure_order_not_found_error_cancelation_response(
        self, order, mock_api, callback=lambda *args, **kwargs: None
    ):
        url = f"{REST}/user/order/{order.exchange_order_id}"
        mock_api.delete(url, **NOT_FOUND)
        self._configure_unknown_order(order, mock_api, callback)
        return url

    def configure_one_successful_one_erroneous_cancel_all_response(self, successful_order, erroneous_order, mock_api):
        url = f"{REST}/user/order/massCancel"
        mock_api.post(url, body=json.dumps({"status": "OK"}))
        self._configure_open_orders(mock_api, [self._order(erroneous_order)])
        mock_api.get(self.trades_url, body=json.dumps(wire.page([])))
        self._configure_order(mock_api, self._order(successful_order, status="CANCELLED", updatedTime=1640780002000))
        return [url, self.configure_erroneous_cancelation_response(erroneous_order, mock_api)]

    # --- order status -----------------------------------------------------------------------------------------------

    def configure_completely_filled_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        self._configure_open_orders(mock_api, [])
        filled = self._order(order, status="FILLED", filledQty=str(order.amount), averagePrice=str(order.price))
        return [self._configure_order(mock_api, filled, callback)]

    def configure_canceled_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        mock_api.get(self.trades_url, body=json.dumps(wire.page([])))
        self._configure_open_orders(mock_api, [])
        return [self._configure_order(mock_api, self._order(order, status="CANCELLED"), callback)]

    def configure_open_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        mock_api.get(self.trades_url, body=json.dumps(wire.page([])))
        return [self._configure_open_orders(mock_api, [self._order(order)], callback)]

    def configure_partially_filled_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        filled = str(self.expected_partial_fill_amount)
        partly = self._order(order, status="PARTIALLY_FILLED", filledQty=filled, averagePrice="10500")
        return self._configure_open_orders(mock_api, [partly], callback)

    def configure_http_error_order_status_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        """The one error that counts: the exchange knows no such order, by id, by external id, nor in its history."""
        mock_api.get(self.trades_url, body=json.dumps(wire.page([])))
        self._configure_open_orders(mock_api, [])
        return self._configure_unknown_order(order, mock_api, callback)

    def configure_order_not_found_error_order_status_response(
        self, order, mock_api, callback=lambda *args, **kwargs: None
    ):
        return [self._configure_unknown_order(order, mock_api, callback)]

    def configure_partial_fill_trade_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        price, amount = self.expected_partial_fill_price, self.expected_partial_fill_amount
        return self._configure_trades(mock_api, order, callback, price=str(price), qty=str(amount))

    def configure_full_fill_trade_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        return self._configure_trades(mock_api, order, callback, price=str(order.price), qty=str(order.amount))

    def configure_erroneous_http_fill_trade_response(self, order, mock_api, callback=lambda *args, **kwargs: None):
        mock_api.get(self.trades_url, status=400, callback=callback)
        return self.trades_url

    # --- account stream ---------------------------------------------------------------------------------------------

    def order_event_for_new_order_websocket_update(self, order):
        return self._event("ORDER", orders=[self._order(order)])

    def order_event_for_canceled_order_websocket_update(self, order):
        return self._event("ORDER", orders=[self._order(order, status="CANCELLED", statusReason="NONE")])

    def order_event_for_full_fill_websocket_update(self, order):
        return self._event("ORDER", orders=[self._order(order, status="FILLED", filledQty=str(order.amount))])

    def trade_event_for_full_fill_websocket_update(self, order):
        fill = {"price": str(order.price), "qty": str(order.amount), "side": order.trade_type.name}
        trade = wire.trade(self.expected_fill_trade_id, order.exchange_order_id, self.trading_pair, **fill)
        return self._event("TRADE", trades=[{**trade, "externalOrderId": order.client_order_id}])

    def position_event_for_full_fill_websocket_update(self, order, unrealized_pnl):
        position = {
            "id": 2103000000000000001,
            "market": self.trading_pair,
            "status": "OPENED",
            "side": "LONG" if order.trade_type is TradeType.BUY else "SHORT",
            "leverage": str(order.leverage),
            "size": str(order.amount),
            "value": "10000",
            "openPrice": str(order.price),
            "unrealisedPnl": str(unrealized_pnl),
            "realisedPnl": "0",
        }
        return self._event("POSITION", positions=[position])

    def funding_info_event_for_websocket_update(self):
        return {
            "data": {"m": self.trading_pair, "f": "30", "T": 1657100053000},
            "ts": 1657099000000,
            "seq": 2,
        }

    # --- leverage and position mode ---------------------------------------------------------------------------------

    def configure_successful_set_leverage(self, leverage, mock_api, callback=lambda *args, **kwargs: None):
        mock_api.patch(f"{REST}/user/leverage", body="")
        current = wire.ok([{"market": self.trading_pair, "leverage": str(leverage)}])
        mock_api.get(exactly(f"{REST}/user/leverage"), body=json.dumps(current), callback=callback)

    def configure_failed_set_leverage(self, leverage, mock_api, callback=lambda *args, **kwargs: None):
        url = f"{REST}/user/leverage"
        mock_api.patch(url, status=400, body=json.dumps(wire.error(1050, "Too much")), callback=callback)
        return url, "PATCH /user/leverage: Too much (HTTP 400, code 1050)"

    def configure_successful_set_position_mode(self, position_mode, mock_api, callback=None):
        raise NotImplementedError  # the venue has one-way positions only: see the two tests below

    configure_failed_set_position_mode = configure_successful_set_position_mode

    def test_set_position_mode_success(self):
        """Overridden because the venue is one-way: the inherited test switches to HEDGE and back."""
        self.exchange.set_position_mode(PositionMode.ONEWAY)
        self.async_run_with_timeout(_turns())
        self.assertTrue(self.is_logged("INFO", f"Position mode already set to {PositionMode.ONEWAY} on exchange."))

    def test_set_position_mode_failure(self):
        """Overridden because the venue is one-way: there is no request that could fail."""
        self.exchange.set_position_mode(PositionMode.HEDGE)
        self.async_run_with_timeout(_turns())
        self.assertIs(PositionMode.ONEWAY, self.exchange.position_mode)
        self.assertTrue(self.is_logged("ERROR", f"Position mode {PositionMode.HEDGE} is not supported. Mode not set."))

    def test_get_buy_and_sell_collateral_tokens(self):
        self._simulate_trading_rules_initialized()
        self.assertEqual("USD", self.exchange.get_buy_collateral_token(self.trading_pair))
        self.assertEqual("USD", self.exchange.get_sell_collateral_token(self.trading_pair))

    @aioresponses()
    async def test_update_balances(self, mock_api):
        """Overridden because the account has one collateral: the inherited test wants two in one reply."""
        self._configure_balance_response(self.balance_request_mock_response_for_base_and_quote, mock_api)
        await self.exchange._update_balances()
        self.assertEqual({"USD": Decimal(2000)}, self.exchange.available_balances)
        self.assertEqual({"USD": Decimal(2000)}, self.exchange.get_all_balances())
        self._configure_balance_response(self.balance_request_mock_response_only_base, mock_api)
        await self.exchange._update_balances()
        self.assertEqual({self.base_asset: Decimal(10)}, self.exchange.available_balances)
        self.assertEqual({self.base_asset: Decimal(15)}, self.exchange.get_all_balances())

    # --- how --------------------------------------------------------------------------------------------------------

    def _order(self, order, **changes):
        known = {"side": order.trade_type.name, "price": str(order.price), "qty": str(order.amount)}
        return wire.order(order.exchange_order_id, order.client_order_id, self.trading_pair, **{**known, **changes})

    def _event(self, kind, **payload):
        return decode_account(json.dumps(wire.account_event(kind, **payload)))

    def _configure_open_orders(self, mock_api, orders, callback=lambda *args, **kwargs: None):
        mock_api.get(exactly(self.open_orders_url), body=json.dumps(wire.ok(orders)), callback=callback)
        return self.open_orders_url

    def _configure_order(self, mock_api, order, callback=lambda *args, **kwargs: None):
        url = f"{REST}/user/orders/{order['id']}"
        mock_api.get(url, body=json.dumps(wire.ok(order)), callback=callback)
        return url

    def _configure_unknown_order(self, order, mock_api, callback):
        url = f"{REST}/user/orders/{order.exchange_order_id}"
        mock_api.get(url, **NOT_FOUND)
        mock_api.get(f"{REST}/user/orders/external/{order.client_order_id}", **NOT_FOUND)
        mock_api.get(exactly(f"{REST}/user/orders/history"), body=json.dumps(wire.page([])), callback=callback)
        return url

    def _configure_trades(self, mock_api, order, callback, **fill):
        trade = wire.trade(self.expected_fill_trade_id, order.exchange_order_id, self.trading_pair, **fill)
        mock_api.get(self.trades_url, body=json.dumps(wire.page([trade])), callback=callback)
        return self.trades_url


async def _turns() -> None:
    """Give the loop a few turns."""
    for _ in range(5):
        await asyncio.sleep(0)
