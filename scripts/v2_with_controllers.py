"""The runner of V2 controllers: starts each one, and stops those that lose more than they may.

Hummingbot's `hbot start CONTROLLER.yml` writes a loader that names this file; Hummingbot's own copy is not in its PyPI
package. Drawdowns are in quote asset and measured from the best result so far.
"""

import os
from decimal import Decimal

from hummingbot.client.hummingbot_application import HummingbotApplication
from hummingbot.connector.connector_base import ConnectorBase
from hummingbot.core.data_type.common import PositionMode
from hummingbot.strategy.market_trading_pair_tuple import MarketTradingPairTuple
from hummingbot.strategy.strategy_v2_base import StrategyV2Base, StrategyV2ConfigBase
from hummingbot.strategy_v2.models.executor_actions import CreateExecutorAction, StopExecutorAction

ZERO = Decimal(0)


class V2WithControllersConfig(StrategyV2ConfigBase):
    """Settings of the runner: the controllers to run and what they may lose (quote asset; none: no limit)."""

    script_file_name: str = os.path.basename(__file__)
    max_global_drawdown_quote: Decimal | None = None
    max_controller_drawdown_quote: Decimal | None = None


class V2WithControllers(StrategyV2Base):
    """Run the configured controllers under a drawdown limit."""

    def __init__(self, connectors: dict[str, ConnectorBase], config: V2WithControllersConfig) -> None:
        super().__init__(connectors, config)
        self.config = config
        self._best_pnl: dict[str, Decimal] = {}
        self._best_global_pnl = ZERO
        self._stopping = False

    def apply_initial_setting(self) -> None:
        """Set one-way mode and the controllers' leverage on the perpetual connectors."""
        for controller in self.controllers.values():
            settings = controller.config.model_dump()
            name = settings.get("connector_name", "")
            if name in self.connectors and self.is_perpetual(name):
                self.connectors[name].set_position_mode(settings.get("position_mode", PositionMode.ONEWAY))
                self.connectors[name].set_leverage(settings["trading_pair"], settings.get("leverage", 1))

    def on_tick(self) -> None:
        """Run the controllers, then look at their drawdowns."""
        super().on_tick()
        if not self._is_stop_triggered:
            self._start_and_stop_by_switch()
            self._stop_losing_controllers()
            self._stop_everything_beyond_global_drawdown()

    def create_actions_proposal(self) -> list[CreateExecutorAction]:
        """Create nothing here: controllers do."""
        return []

    def stop_actions_proposal(self) -> list[StopExecutorAction]:
        """Stop nothing here: controllers do."""
        return []

    def balance_warning(self, market_trading_pair_tuples: list[MarketTradingPairTuple]) -> list[str]:
        """Warn of low balances where the base asset is needed: a perpetual has none to hold."""
        spot = [each for each in market_trading_pair_tuples if not self.is_perpetual(each.market.name)]
        return super().balance_warning(spot)

    def _pnl(self, controller_id: str) -> Decimal:
        report = self.get_performance_report(controller_id)
        return report.global_pnl_quote if report else ZERO

    def _start_and_stop_by_switch(self) -> None:
        for controller_id, controller in self.controllers.items():
            if controller.config.manual_kill_switch and controller.status.name == "RUNNING":
                self.logger().info(f"Controller {controller_id} is stopped by its kill switch.")
                self._stop_controller(controller_id)
            elif controller.status.name == "TERMINATED" and not self._is_to_stay_stopped(controller_id):
                controller.start()

    def _is_to_stay_stopped(self, controller_id: str) -> bool:
        return self.controllers[controller_id].config.manual_kill_switch or self._lost_too_much(controller_id)

    def _lost_too_much(self, controller_id: str) -> bool:
        limit = self.config.max_controller_drawdown_quote
        return limit is not None and self._best_pnl.get(controller_id, ZERO) - self._pnl(controller_id) > limit

    def _stop_losing_controllers(self) -> None:
        for controller_id, controller in self.controllers.items():
            if controller.status.name != "RUNNING":
                continue
            self._best_pnl[controller_id] = max(self._best_pnl.get(controller_id, ZERO), self._pnl(controller_id))
            if self._lost_too_much(controller_id):
                self.logger().warning(f"Controller {controller_id} lost more than its maximum drawdown; it is stopped.")
                self._stop_controller(controller_id)

    def _stop_everything_beyond_global_drawdown(self) -> None:
        pnl = sum((self._pnl(controller_id) for controller_id in self.controllers), ZERO)
        self._best_global_pnl = max(self._best_global_pnl, pnl)
        limit = self.config.max_global_drawdown_quote
        if limit is not None and not self._stopping and self._best_global_pnl - pnl > limit:
            self._stopping = True
            self.logger().warning("The global drawdown is beyond its maximum; the strategy stops.")
            HummingbotApplication.main_application().stop()

    def _stop_controller(self, controller_id: str) -> None:
        self.controllers[controller_id].stop()
        actions = [
            StopExecutorAction(executor_id=executor.id, controller_id=executor.controller_id)
            for executor in self.get_executors_by_controller(controller_id)
            if executor.is_active and not executor.is_trading
        ]
        self.executor_orchestrator.execute_actions(actions)
