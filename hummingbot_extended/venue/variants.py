"""What the documents leave open, as switches: one for each unknown of API reference §10–§11 a client could meet.

The default of each is what captures and the official SDK make most likely. A client that passes with every value of a
switch does not depend on the answer.
"""

import dataclasses
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

from hummingbot_extended.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class Variants:
    """The venue's choice for each undocumented behaviour. Every field is one of a few words, or yes/no as a bool."""

    # --- replies
    missing_user_agent: Literal["400", "403", "allow"] = "400"
    unauthorized_body: Literal["json", "empty"] = "json"
    not_found_body: Literal["json", "empty"] = "json"
    rate_limit_body: Literal["json", "text", "empty"] = "json"
    retry_after: bool = False  # whether a 429 carries Retry-After
    rate_limit_ban: Literal["none", "minute"] = "none"  # whether passing the limit shuts the address out for a minute
    business_status: Literal["400", "422"] = "400"  # HTTP status of a business error
    envelope_case: Literal["upper", "lower"] = "upper"  # OK/ERROR or ok/error
    error_code_type: Literal["number", "name"] = "number"  # 1001 or "NOT_FOUND"-like names for 404s
    # --- shapes
    vault_type: Literal["string", "number"] = "string"  # account.l2Vault
    adl_type: Literal["number", "string"] = "number"
    order_expiry_name: Literal["expireTime", "expiryTime"] = "expireTime"
    position_time_names: Literal["At", "Time"] = "At"  # createdAt/updatedAt or createdTime/updatedTime on REST
    trigger_direction_name: Literal["direction", "triggerPriceDirection"] = "direction"
    collateral_name: Literal["USD", "USDC"] = "USD"
    zero_filled_qty: Literal["zero", "absent"] = "zero"  # filledQty of an unfilled order
    trade_client_id: Literal["absent", "externalId", "externalOrderId"] = "absent"  # client id in GET /user/trades
    snapshot_c: bool = False  # `c` in book snapshots
    closed_position_size: Literal["zero", "last"] = "zero"  # size in the CLOSED position message
    no_funding_history: Literal["empty", "404"] = "empty"  # GET /user/funding/history without payments
    funding_fee_sign: Literal["paid_negative", "paid_positive"] = "paid_negative"
    # --- orders
    missing_stp: Literal["silent", "refuse", "account"] = "silent"  # 200 and nothing; 1133; as if ACCOUNT had been sent
    external_id_length: Literal["any", "36"] = "any"  # the longest client id; a longer one is 1133
    external_id_reuse: Literal["refuse", "after_close"] = "refuse"  # a closed order's client id: 1134 while it is kept
    post_only_failed: Literal["REJECTED", "CANCELLED"] = "REJECTED"  # how a post-only order that would trade ends
    fee_rounding: Literal["exact", "down"] = "exact"  # "down": to 1e-6 USD, as the SDK's captured trade shows
    fresh_leverage: Literal["10", "1", "50"] = "10"  # of a market never touched, at most the market's maximum
    fractional_leverage: bool = True  # two decimals, or 1053 for anything but an integer
    cancel_data: Literal["absent", "object"] = "absent"  # `data` in the reply to DELETE /user/order
    unknown_cancel: Literal["404", "error", "ok"] = "404"
    user_cancel_reason: Literal["NONE", "absent"] = "NONE"
    filled_ioc_new_first: bool = True  # an order that fills at once emits NEW before its fill
    leverage_reply: Literal["body", "empty"] = "body"  # PATCH /user/leverage
    deadmanswitch_unit: Literal["s", "ms"] = "s"
    deadmanswitch_reply: Literal["ok", "empty_string"] = "ok"
    archive_unfilled: bool = True  # unfilled closed orders stay readable (not for high-volume accounts)
    far_limit: Literal["rest", "refuse"] = "rest"  # limit orders far on their own side of the mark
    # --- streams
    fill_messages: str = "ORDER,TRADE,POSITION,BALANCE"  # order of the account messages of one command
    trade_snapshot: bool = False  # a TRADE snapshot at connect
    spot_balance_snapshot: bool = False  # a SPOT_BALANCE snapshot at connect, as newer backends send
    mark_pushes: bool = False  # POSITION and BALANCE on mark-price moves
    is_snapshot_false: bool = True  # updates carry isSnapshot false, or leave it out
    all_books_seq: Literal["connection", "market"] = "connection"
    rpc_account_selector: Literal["any", "account", "vault"] = "any"

    def __post_init__(self) -> None:
        if sorted(self.fill_messages.split(",")) != ["BALANCE", "ORDER", "POSITION", "TRADE"]:
            raise SettingsError("fill_messages lists ORDER, TRADE, POSITION and BALANCE, each once, with commas")

    def with_values(self, assignments: dict[str, str]) -> "Variants":
        """Return a copy with `assignments` (name → text as on a command line) applied.

        Raises SettingsError for a name or a value that does not exist; the text lists what does.
        """
        hints = get_type_hints(Variants)
        values: dict[str, object] = {}
        for name, text in assignments.items():
            if name not in hints:
                raise SettingsError(f"no variant {name!r}; there are {', '.join(sorted(hints))}")
            values[name] = _parse(name, hints[name], text)
        return dataclasses.replace(self, **values)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, object]:
        """Return every switch with its value, as the control API shows it."""
        return dataclasses.asdict(self)


def _parse(name: str, hint: object, text: str) -> object:
    if hint is bool:
        words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
        if text.lower() not in words:
            raise SettingsError(f"variant {name} is yes or no, not {text!r}")
        return words[text.lower()]
    choices = get_args(hint)
    if choices and text not in choices:
        raise SettingsError(f"variant {name} is one of {', '.join(choices)}, not {text!r}")
    return text


def describe_variants() -> dict[str, list[str]]:
    """Return each switch's name with its possible values, the default first (for --help and the control API)."""
    shown: dict[str, list[str]] = {}
    defaults = Variants().as_dict()
    for name, hint in get_type_hints(Variants).items():
        choices = ["yes", "no"] if hint is bool else list(get_args(hint)) or ["any order of its words"]
        default = {True: "yes", False: "no"}.get(defaults[name], defaults[name])  # type: ignore[call-overload]
        shown[name] = [str(default), *(choice for choice in choices if choice != default)]
    return shown
