"""The steps that read an account: nothing is changed, nothing is signed."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from hummingbot_extended.client.client import ExtendedClient
from hummingbot_extended.client.events import BalanceUpdate
from hummingbot_extended.errors import ApiError, ExtendedError, RequestTimedOut, Unauthorized
from hummingbot_extended.exchange.channels import ACCOUNT_PATH, Topic, stream_url
from hummingbot_extended.exchange.models import Account
from hummingbot_extended.exchange.signing import StarkSigner
from hummingbot_extended.field_check.findings import Notebook, Step, StepFailed, StepSkipped
from hummingbot_extended.streams.rpc_stream import RpcStream
from hummingbot_extended.streams.stream import WebSocketStream

SNAPSHOTS_S = 3.0


class AccountSteps:
    """Reads the account of an API key."""

    def __init__(
        self, client: ExtendedClient, notebook: Notebook, api_key: str | None, stark_private_key: str | None
    ) -> None:
        self._client = client
        self._notes = notebook
        self._api_key = api_key
        self._stark_private_key = stark_private_key
        self._account: Account | None = None

    def steps(self) -> Iterator[Step]:
        """The steps, in order."""
        yield Step("account of the API key", self.account)
        yield Step("Stark key belongs to the account", self.stark_key)
        yield Step("balance", self.balance)
        yield Step("positions and open orders", self.positions)
        yield Step("leverage", self.leverage)
        yield Step("fees", self.fees)
        yield Step("account stream", self.account_stream)
        yield Step("account over the v2 socket", self.account_over_rpc)

    async def account(self) -> str:
        """Who it is; its numbers are kept out of the report."""
        if self._api_key is None:
            raise StepSkipped("no API key; set EXTENDED_API_KEY")
        try:
            account = self._account = await self._client.rest.account()
        except Unauthorized as refused:
            name = self._client.domain.name
            raise StepFailed(
                f"{name} does not know this API key (HTTP {refused.status}); copy it anew, of this network"
            ) from refused
        self._notes.keep_secret(account.account_id, account.l2_vault, account.l2_key, account.l2_key.lower())
        if account.bridge_starknet_address:
            self._notes.keep_secret(account.bridge_starknet_address)
        self._notes.settle("Account status enum besides ACTIVE:", f"this account says {account.status}")
        return f"an account with status {account.status}"

    async def stark_key(self) -> str:
        """The derived public key against the account's."""
        account = self._known()
        if self._stark_private_key is None:
            raise StepSkipped("no Stark private key; set EXTENDED_STARK_PRIVATE_KEY")
        derived = StarkSigner(self._stark_private_key).public_key
        self._notes.keep_secret(hex(derived), derived)
        if derived != int(account.l2_key, 16):
            raise StepFailed("the Stark private key is of another account than the API key")
        return "the public keys are equal"

    async def balance(self) -> str:
        """What could be traded with; no amount goes into the report."""
        self._known()
        balance = await self._client.rest.balance()
        funded = "something" if balance.available_for_trade > 0 else "nothing"
        return f"{balance.collateral_name}, {funded} available for trade"

    async def positions(self) -> str:
        """How many of each."""
        self._known()
        positions, orders = await self._client.rest.positions(), await self._client.rest.open_orders()
        return f"{len(positions)} positions, {len(orders)} open orders; unreadable: {len(positions.bad + orders.bad)}"

    async def leverage(self) -> str:
        """What the account has in the market."""
        self._known()
        rows = await self._client.rest.leverage(self._notes.market)
        shown = ", ".join(str(row.leverage) for row in rows) or "none"
        self._notes.settle("Leverage value in an account for the market:", shown)
        return shown

    async def fees(self) -> str:
        """Maker and taker."""
        self._known()
        rows = await self._client.rest.fees(self._notes.market)
        if not rows:
            raise StepFailed(f"no fees for {self._notes.market}")
        fees = rows[0]
        if not Decimal(0) <= fees.maker_fee_rate <= Decimal("0.01"):
            raise StepFailed(f"a maker fee of {fees.maker_fee_rate} cannot be a fraction")
        return f"maker {fees.maker_fee_rate}, taker {fees.taker_fee_rate}"

    async def account_stream(self) -> str:
        """Which snapshots come, in which order."""
        self._known()
        seen: list[str] = []
        frames: list[object] = []
        url = stream_url(self._client.domain.stream_url, ACCOUNT_PATH)
        async with WebSocketStream(url, {"X-Api-Key": self._api_key or ""}) as stream:
            stream.set_callback(frames.append)
            await asyncio.sleep(SNAPSHOTS_S)
        for frame in frames:
            if isinstance(frame, dict) and isinstance(frame.get("data"), dict):
                is_snapshot = bool(frame["data"].get("isSnapshot"))
                seen.append(f"{frame.get('type')}{'' if is_snapshot else ' (update)'}")
        if not seen:
            raise StepFailed(f"nothing came in {SNAPSHOTS_S:g} s")
        self._notes.settle("Whether a TRADE snapshot is sent at connect:", "yes" if "TRADE" in seen else "no")
        updates = sum(" (update)" in kind for kind in seen)
        self._notes.settle(
            "How often BALANCE and POSITION are pushed on mark-price moves:",
            f"{updates} updates in {SNAPSHOTS_S:g} s of an account that did nothing",
        )
        subscription = await self._client.brokerage.stream_balance_changes()
        async with subscription, asyncio.timeout(10):
            async for event in subscription:
                if isinstance(event, BalanceUpdate):
                    break
        return ", ".join(seen)

    async def account_over_rpc(self) -> str:
        """Which number the v2 topic wants, if it works at all."""
        account = self._known()
        answers = []
        for what, number in (("account id", account.account_id), ("vault", account.l2_vault)):
            answers.append(f"{what}: {await self._try_rpc(str(number))}")
        self._notes.settle("StreamRPC account selector value (account id? vault?):", "; ".join(answers))
        return "; ".join(answers)

    async def _try_rpc(self, number: str) -> str:
        frames: list[bytes | str] = []
        try:
            async with RpcStream(self._client.domain.rpc_url, request_timeout_s=5.0) as stream:
                await stream.listen(Topic.account(number), frames.append, api_key=self._api_key)
                await asyncio.sleep(SNAPSHOTS_S / 3)
        except RequestTimedOut:
            return "no answer"
        except ApiError as error:
            return f"refused with {error.code}"
        except ExtendedError as error:
            return f"failed ({type(error).__name__})"
        kinds = [str(msgspec.json.decode(frame).get("type")) for frame in frames]
        return f"confirmed, {len(frames)} frames ({', '.join(kinds[:4])})"

    def _known(self) -> Account:
        if self._account is None:
            raise StepSkipped("the account is not known")
        return self._account
