"""Refusals of the REST level: HTTP status, business code and message (API reference §1.6, §1.7)."""

from hummingbot_extended.errors import ExtendedError

MESSAGES: dict[int, str] = {
    1001: "Market not found",
    1002: "Market is disabled",
    1004: "Account not found",
    1006: "Application error",
    1009: "Action is not allowed",
    1010: "Exchange is in maintenance mode",
    1011: "Exchange is in post-only mode",
    1012: "Exchange is in reduce-only mode",
    1014: "Market is in reduce-only mode",
    1049: "Leverage is below the minimum",
    1050: "Leverage exceeds the maximum",
    10501: "Position value exceeds the maximum for the leverage",
    1052: "Insufficient margin for the leverage",
    1053: "Leverage has invalid precision",
    1100: "Invalid Starknet public key",
    1101: "Invalid StarkEx signature",
    1102: "Invalid Starknet vault",
    1120: "Order quantity is less than the minimum trade size",
    1121: "Invalid quantity: wrong size increment",
    1122: "Order value exceeds the maximum order value",
    1123: "Invalid quantity precision",
    1124: "Invalid price: wrong price movement",
    1125: "Invalid price precision",
    1126: "Maximum number of open orders exceeded",
    1127: "Maximum position value exceeded",
    1128: "Trading fees are invalid",
    1129: "Invalid quantity for a position TP/SL",
    1130: "Order price is missing",
    1131: "TP/SL trigger is missing",
    1132: "Order type is not allowed",
    1133: "Invalid order parameters",
    1134: "Duplicate order",
    1135: "Invalid order expiration",
    1136: "Reduce-only order size exceeds the position size",
    1137: "Reduce-only order: position is missing",
    1138: "Reduce-only order has the side of the position",
    1139: "Market order must be IOC",
    1140: "Order cost exceeds the available balance",
    1141: "Invalid price value",
    1142: "Order to edit not found",
    1143: "Conditional trigger is missing",
    1144: "Post-only cannot be set on a conditional market order",
    1145: "Non-reduce-only orders are not allowed",
    1600: "Amount must be positive",
}


class Refusal(ExtendedError):
    """Raised by a command that the exchange refuses: HTTP `status`, business `code` or None, `message`."""

    def __init__(self, status: int, code: int | str | None, message: str) -> None:
        super().__init__(f"{message} (HTTP {status}, code {code})")
        self.status = status
        self.code = code
        self.message = message


def refusal(code: int, detail: str = "") -> Refusal:
    """Make the refusal of a business code: HTTP 400 with the code's message, `detail` after a colon."""
    return Refusal(400, code, f"{MESSAGES[code]}: {detail}" if detail else MESSAGES[code])


def not_found(what: str) -> Refusal:
    """Make the 404 of an unknown resource; the exchange documents no business code for it."""
    return Refusal(404, "NOT_FOUND", f"{what} not found")
