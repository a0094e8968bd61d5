"""Every reply and frame that others captured decodes (where the shared data is present; our own fixtures always)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hummingbot_extended.exchange import models
from hummingbot_extended.exchange.book_frames import decode_book, decode_exact_book
from hummingbot_extended.exchange.channels import RpcReply, decode_rpc
from hummingbot_extended.exchange.enums import AccountEvent
from hummingbot_extended.exchange.frames import decode_account, decode_candles
from hummingbot_extended.exchange.http import RestRequest, RestResponse, unwrap
from hummingbot_extended.exchange.reading import parse, read_records
from test.exchange.helpers import DATA, SHARED

ROWS: dict[str, type] = {
    "rest_balance": models.Balance,
    "rest_create_order": models.OrderReceipt,
    "rest_fetch_account": models.Account,
    "rest_fetch_accounts": models.Account,
    "rest_fetch_balance": models.SpotBalance,
    "rest_fetch_canceled_orders": models.Order,
    "rest_fetch_closed_orders": models.Order,
    "rest_fetch_currencies": models.Asset,
    "rest_fetch_deposits": models.AssetOperation,
    "rest_fetch_funding_history": models.FundingPayment,
    "rest_fetch_funding_rate_history": models.FundingRate,
    "rest_fetch_index_ohlcv": models.Candle,
    "rest_fetch_leverage": models.Leverage,
    "rest_fetch_mark_ohlcv": models.Candle,
    "rest_fetch_markets": models.Market,
    "rest_fetch_my_trades": models.AccountTrade,
    "rest_fetch_ohlcv": models.Candle,
    "rest_fetch_open_interest_history": models.OpenInterest,
    "rest_fetch_open_orders": models.Order,
    "rest_fetch_order_1": models.Order,
    "rest_fetch_order_2": models.Order,
    "rest_fetch_order_book": models.RestOrderBook,
    "rest_fetch_orders": models.Order,
    "rest_fetch_position": models.Position,
    "rest_fetch_positions": models.Position,
    "rest_fetch_positions_history": models.PositionHistory,
    "rest_fetch_ticker": models.MarketStats,
    "rest_fetch_tickers": models.Market,
    "rest_fetch_trades": models.PublicTrade,
    "rest_fetch_trading_fee": models.Fees,
    "rest_fetch_trading_fees": models.Fees,
    "rest_fetch_transactions": models.AssetOperation,
    "rest_fetch_transfers": models.AssetOperation,
    "rest_fetch_withdrawals": models.AssetOperation,
    "rest_markets_btc": models.Market,
    "sdk_asset_operations": models.AssetOperation,
    "sdk_markets_btc": models.Market,
}
# Replies whose success is all there is to read, and an error.
BARE = ("rest_cancel", "rest_set_leverage", "rest_error_1006")
REQUEST = RestRequest(method="GET", path="/")
SHARED_FILES = sorted(SHARED.glob("*.json")) if SHARED.is_dir() else []


def read_rest(path: Path) -> None:
    reply = unwrap(REQUEST, RestResponse(status=200, headers={}, body=path.read_bytes()))
    records = read_records(parse(reply.data), ROWS[path.stem])
    assert len(records) > 0
    assert records.bad == ()


def read_bare(path: Path) -> None:
    unwrap(REQUEST, RestResponse(status=200, headers={}, body=path.read_bytes()))


def read_rpc(path: Path) -> None:
    value = json.loads(path.read_bytes())
    for message in value if isinstance(value, list) else [value]:
        decoded = decode_rpc(json.dumps(message))
        assert isinstance(decoded, RpcReply) == ("result" in message)
        if not isinstance(decoded, RpcReply):
            assert decoded.topic == message["subscription"]
            assert not getattr(decoded, "bad", ())


def read_account(path: Path) -> None:
    value = json.loads(path.read_bytes())
    for message in value if isinstance(value, list) else [value]:
        frame = decode_account(json.dumps(message))
        assert frame.bad == ()
        assert (frame.event is AccountEvent.OTHER) == (message["type"] == "UNEXPECTED")


def read_book(path: Path) -> None:
    frame = decode_book(path.read_bytes())
    exact = decode_exact_book(path.read_bytes())
    assert [row.price for row in frame.bids] == [float(level.price) for level in exact.bids] != []


def read_accounts(path: Path) -> None:
    accounts = read_records(parse(path.read_bytes()), models.Account)
    assert [account.l2_vault for account in accounts] == [10001, 10002]


SPECIAL: dict[str, Callable[[Path], Any]] = {
    "requests": lambda path: None,  # what a client sends
    "sdk_accounts": read_accounts,
    "sdk_candle_frame": lambda path: decode_candles(path.read_bytes()),
    "sdk_orderbook_frame": read_book,
    "sdk_account_trade_frame": read_account,
    "sdk_unknown_frame": read_account,
    "ws_account_snapshots": read_account,
}


@pytest.mark.parametrize("path", [*SHARED_FILES, DATA / "positions.json"], ids=lambda path: path.stem)
def test_every_captured_file_decodes(path: Path) -> None:
    if path.parent == DATA:
        assert len(read_records(json.loads(path.read_bytes())["data"], models.Position)) == 3
    elif path.stem in SPECIAL:
        SPECIAL[path.stem](path)
    elif path.stem.startswith("rpc_"):
        read_rpc(path)
    elif path.stem == "rest_error_1006":
        with pytest.raises(OSError, match="1006"):
            read_bare(path)
    elif path.stem.startswith(BARE):
        read_bare(path)
    else:
        read_rest(path)
