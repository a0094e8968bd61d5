"""The connector; the code is in the package."""

from hummingbot.connector.derivative.extended_perpetual.missing import explained

with explained():
    from hummingbot_extended.connector.extended_perpetual_derivative import ExtendedPerpetualDerivative
