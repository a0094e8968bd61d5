"""The connector's order books and trades; the code is in the package."""

from hummingbot.connector.derivative.extended_perpetual.missing import explained

with explained():
    from hummingbot_extended.connector.extended_perpetual_api_order_book_data_source import (
        ExtendedPerpetualAPIOrderBookDataSource,
    )
