"""`hummingbot-extended check` against a venue: it passes there, fails where something is wrong, and keeps secrets."""

import asyncio
import json
from decimal import Decimal

import pytest

from hummingbot_extended.client import ExtendedClient
from hummingbot_extended.errors import ConnectFailed
from hummingbot_extended.exchange.endpoints import local_domain
from hummingbot_extended.field_check import account_steps, order_steps, public_steps
from hummingbot_extended.field_check.account_steps import AccountSteps
from hummingbot_extended.field_check.findings import Notebook, Step, StepFailed, StepSkipped, run_steps
from hummingbot_extended.field_check.order_steps import OrderSteps
from hummingbot_extended.field_check.public_steps import PublicSteps, ServerClock
from hummingbot_extended.venue.enums import MarketStatus
from hummingbot_extended.venue.faults import FaultKind, FaultSpec
from hummingbot_extended.venue.server import PracticeVenue
from hummingbot_extended.venue.settings import VenueSettings
from test.cli.test_watch import run
from test.client.conftest import proven_client

LOCAL = ("--domain", "extended_perpetual_local")


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Listening takes less time than in the field."""
    monkeypatch.setattr(public_steps, "LISTEN_S", 0.6)
    monkeypatch.setattr(public_steps, "FIRST_EVENT_S", 3.0)
    monkeypatch.setattr(account_steps, "SNAPSHOTS_S", 0.4)
    monkeypatch.setattr(order_steps, "WAIT_S", 3.0)


@pytest.fixture
async def venue():
    async with PracticeVenue(VenueSettings(port=0, rate_limit=0)) as venue:
        yield venue


class Checked:
    """One run of the steps inside the test's process."""

    def __init__(self, venue: PracticeVenue, market: str = "BTC-USD") -> None:
        self.venue = venue
        self.notebook = Notebook("extended_perpetual_local", market)
        self.clock = ServerClock()

    async def public(self) -> "Checked":
        async with proven_client(self.venue, on_response=self.clock.see) as client:
            await run_steps(self.notebook, PublicSteps(client, self.notebook, self.clock).steps(), _ignore)
        return self

    async def account(self, api_key: str | None = "", stark_key: str | None = "") -> "Checked":
        key = self.venue.api_key if api_key == "" else api_key
        stark = self.venue.stark_private_key if stark_key == "" else stark_key
        async with proven_client(self.venue, api_key=key, stark_private_key=stark) as client:
            await run_steps(self.notebook, AccountSteps(client, self.notebook, key, stark).steps(), _ignore)
        return self

    async def orders(self) -> "Checked":
        async with proven_client(self.venue) as client:
            steps = OrderSteps(client, self.notebook, self.venue.api_key)
            await run_steps(self.notebook, steps.steps(), _ignore)
            self.cleaned = await steps.clean_up()
        return self

    def status(self, name: str) -> str:
        return next(f.status for f in self.notebook.findings if f.name == name)

    def seen(self, name: str) -> str:
        return next(f.seen for f in self.notebook.findings if f.name == name)

    @property
    def failed(self) -> list[str]:
        return [f.name for f in self.notebook.findings if f.status == "fail"]


def _ignore(_finding) -> None:
    """A test reads the notebook."""


@pytest.mark.slow
async def test_the_command_passes_on_a_venue_with_orders_and_writes_a_report_without_secrets(venue, tmp_path):
    report = tmp_path / "report.md"
    code, out, err = await run(
        "check", *LOCAL, "--orders", "--json", "--report", str(report), EXTENDED_PERPETUAL_LOCAL_URL=venue.origin
    )
    assert (code, err) == (0, ""), out
    told = json.loads(out)
    assert told["passed"]
    assert len(told["steps"]) == 29
    assert all(step["status"] == "pass" for step in told["steps"])
    assert len(told["settled"]) >= 12
    text = report.read_text()
    assert "| 1 | REST answers | pass |" in text
    for secret in (venue.api_key, venue.stark_private_key, venue.stark_public_key, venue.vault):
        assert secret not in text
        assert secret not in out
        assert secret.removeprefix("0x") not in text
    assert not venue.engine.queries.open_orders(venue.trader.account.id)


@pytest.mark.parametrize("keys", [{}, {"EXTENDED_API_KEY": "key", "EXTENDED_STARK_PRIVATE_KEY": "0x1"}])
async def test_no_venue_is_one_sentence(keys):
    code, out, err = await run("check", *LOCAL, EXTENDED_PERPETUAL_LOCAL_URL="http://127.0.0.1:9", **keys)
    assert (code, out) == (1, "")
    assert err.strip() == (
        "hummingbot-extended: no practice venue answers at http://127.0.0.1:9/api/v1; start one with "
        "'hummingbot-extended venue'"
    )


async def test_an_unknown_market_is_one_sentence(venue):
    code, out, err = await run(
        "check", *LOCAL, "--market", "NOPE-USD", EXTENDED_PERPETUAL_LOCAL_URL=f"http://127.0.0.1:{venue.port}"
    )
    assert (code, out) == (1, "")
    assert err.startswith("hummingbot-extended: no market NOPE-USD on extended_perpetual_local; there are BTC-USD")
    assert len(err.splitlines()) == 1


async def test_a_report_that_cannot_be_written_is_told_before_the_work(venue, tmp_path):
    report = str(tmp_path / "nowhere" / "report.md")
    code, out, err = await run("check", *LOCAL, "--report", report, EXTENDED_PERPETUAL_LOCAL_URL=venue.origin)
    assert (code, out) == (1, "")
    assert err.startswith("hummingbot-extended: the report cannot be written to")


async def test_orders_without_keys_are_wrong_usage():
    code, _, err = await run("check", "--domain", "extended_perpetual_testnet", "--orders", EXTENDED_API_KEY="")
    assert code == 2
    assert "EXTENDED_API_KEY" in err


async def test_an_unknown_domain_is_one_sentence():
    code, _, err = await run("check", "--domain", "extended")
    assert code == 1
    assert "unknown domain" in err


async def test_public_steps_pass_on_a_venue(venue):
    checked = await Checked(venue).public()
    assert checked.notebook.has_passed, checked.notebook.findings
    assert "seq per market" in " ".join(checked.notebook.settled)


async def test_account_steps_pass_on_a_venue(venue):
    checked = await Checked(venue).account()
    assert checked.notebook.has_passed, checked.notebook.findings
    assert venue.vault not in checked.notebook.as_json()


async def test_order_steps_pass_on_a_venue_and_leave_nothing(venue):
    checked = await Checked(venue).orders()
    assert checked.notebook.has_passed, checked.notebook.findings
    assert checked.cleaned == ""
    assert not venue.engine.queries.open_orders(venue.trader.account.id)


async def test_without_keys_the_account_is_skipped(venue):
    checked = await Checked(venue).account(None, None)
    assert {finding.status for finding in checked.notebook.findings} == {"skip"}


async def test_without_a_stark_key_that_step_is_skipped_and_another_accounts_key_fails(venue):
    checked = await Checked(venue).account(stark_key=None)
    assert checked.status("Stark key belongs to the account") == "skip"
    checked = await Checked(venue).account(stark_key="0x1234")
    assert checked.failed == ["Stark key belongs to the account"]


async def test_a_wrong_key_fails_and_what_needs_it_is_skipped(venue):
    checked = await Checked(venue).account("wrong")
    assert checked.failed == ["account of the API key"]
    assert "does not know this API key" in checked.seen("account of the API key")
    assert checked.status("balance") == "skip"


async def test_a_market_that_does_not_exist_fails_where_it_is_asked_for(venue):
    checked = await Checked(venue, "NOPE-USD").public()
    assert "markets can be read" in checked.failed
    assert checked.status("signing domain") == "pass"
    checked = await Checked(venue, "NOPE-USD").orders()
    assert checked.failed == ["the account can trade here"]


async def test_a_clock_that_is_off_fails(venue):
    venue.faults.add(FaultSpec(kind=FaultKind.SLOW_CLOCK, value=-60.0), venue.core.now_ms())
    checked = await Checked(venue).public()
    assert "the clock agrees" in checked.failed
    assert "ahead" in checked.seen("the clock agrees")


async def test_a_book_without_bids_fails():
    settings = VenueSettings(port=0, rate_limit=0, makers=False)
    async with PracticeVenue(settings) as venue:
        checked = await Checked(venue).public()
    assert "order book over REST" in checked.failed
    assert "order book stream" in checked.failed


async def test_a_position_that_is_there_already_is_left_alone(venue):
    async with proven_client(venue) as client:
        await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.001"), wait_s=5)
    checked = await Checked(venue).orders()
    assert checked.failed == ["the account can trade here"]
    assert "choose another market" in checked.seen("the account can trade here")
    assert checked.cleaned == ""
    async with proven_client(venue) as client:
        assert (await client.rest.positions("BTC-USD"))[0].size == Decimal("0.001")


async def test_an_account_without_money_fails_before_it_trades(venue):
    async with PracticeVenue(VenueSettings(port=0, balance=Decimal(1))) as poor:
        checked = await Checked(poor).orders()
    assert checked.failed == ["the account can trade here"]
    assert "not available" in checked.seen("the account can trade here")


async def test_what_a_failed_step_leaves_is_cleaned_up(venue):
    venue.faults.add(
        FaultSpec(kind=FaultKind.SERVER_ERROR, path="DELETE /api/v1/user/order*", count=200, duration_s=9),
        venue.core.now_ms(),
    )
    checked = Checked(venue)
    async with proven_client(venue) as client:
        steps = OrderSteps(client, checked.notebook, venue.api_key)
        await steps.can_trade()
        await steps.post_only_rests()
        venue.faults.remove()
        await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.0001"), wait_s=5)
        done = await steps.clean_up()
    assert "cancelled an order: accepted" in done
    assert "sold 0.0001" in done
    assert not venue.engine.queries.open_orders(venue.trader.account.id)


async def test_a_larger_position_is_not_taken_for_its_own(venue):
    checked = Checked(venue)
    async with proven_client(venue) as client:
        steps = OrderSteps(client, checked.notebook, venue.api_key)
        await steps.can_trade()
        await client.order_execution.place_order("BTC-USD", "BUY", Decimal("0.01"), wait_s=5)
        await asyncio.sleep(0.1)
        assert "left as it is" in await steps.clean_up()


async def test_a_post_only_order_that_trades_is_a_failure(venue):
    checked = Checked(venue)
    async with proven_client(venue) as client:
        steps = OrderSteps(client, checked.notebook, venue.api_key)
        await steps.can_trade()
        place = client.order_execution.place_order

        async def trades(*arguments, post_only=False, **options):
            return await place(*arguments, **options)

        client.order_execution.place_order = trades  # an exchange that ignores the flag
        with pytest.raises(StepFailed, match="accepted"):
            await steps.post_only_refused()
        assert "sold" in await steps.clean_up()


async def test_a_market_in_reduce_only_mode_is_not_traded(venue):
    venue.engine.set_market_status("BTC-USD", MarketStatus.REDUCE_ONLY, venue.core.now_ms())
    checked = await Checked(venue).orders()
    assert "not open for trading" in checked.seen("the account can trade here")


async def test_a_step_that_fails_keeps_no_other_from_running():
    notebook = Notebook("extended_perpetual_local", "BTC-USD")

    async def fails() -> str:
        raise ConnectFailed("no | way")

    async def skips() -> str:
        raise StepSkipped("not here")

    async def times_out() -> str:
        raise TimeoutError

    async def passes() -> str:
        return "fine"

    await run_steps(
        notebook, [Step("a", fails), Step("b", skips), Step("c", times_out), Step("d", passes)], lambda _: None
    )
    assert [finding.status for finding in notebook.findings] == ["fail", "skip", "fail", "pass"]
    assert "no \\| way" in notebook.as_markdown()
    assert "TimeoutError" in notebook.as_markdown()
    assert not notebook.has_passed


def test_a_secret_is_masked_also_in_what_was_noted_before():
    notebook = Notebook("extended_perpetual_local", "BTC-USD")
    notebook.note("step", "pass", "the key is s3cret-k3y")
    notebook.settle("question", "s3cret-k3y")
    notebook.keep_secret("s3cret-k3y", "abc")
    for text in (notebook.as_json(), notebook.as_markdown()):
        assert "s3cret-k3y" not in text
    assert "abc" in notebook.masked("abc")


async def test_a_server_without_a_date_says_nothing_of_the_clock(venue):
    steps = PublicSteps(ExtendedClient(local_domain(venue.origin)), Notebook("x", "y"), ServerClock())
    with pytest.raises(StepSkipped):
        await steps.clock_agrees()
