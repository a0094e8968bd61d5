"""Keeps the exchange's dead man's switch wound up: when the bot falls silent, all open orders of its account go."""

import asyncio
import logging

from hummingbot_extended.connector.fault_log import FaultLog
from hummingbot_extended.errors import ExtendedError
from hummingbot_extended.exchange.rest import ExtendedRest

BEATS = 3  # renewals within one countdown
RENEWAL = "Renewing the dead man's switch"


class DeadMansSwitch:
    """Arms the switch for `countdown_s` and renews it three times as often (API reference §3.13).

    The switch belongs to the account: it cancels other bots' and manual orders too. Positions stay.
    """

    def __init__(self, rest: ExtendedRest, countdown_s: int) -> None:
        self._rest = rest
        self._countdown_s = countdown_s
        self._faults = FaultLog(logging.getLogger(__name__))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._countdown_s} s, {self._faults!r}>"

    async def run(self) -> None:
        """Renew until cancelled. A failure is logged once and tried again; the exchange's countdown goes on."""
        while True:
            try:
                await self._rest.dead_mans_switch(self._countdown_s)
            except ExtendedError as error:
                self._faults.failed(RENEWAL, error)
            else:
                self._faults.worked(RENEWAL)
            await asyncio.sleep(self._countdown_s / BEATS)

    async def disarm(self) -> None:
        """Switch it off, on an orderly stop. Logs and returns when the exchange cannot be told: then it will fire."""
        try:
            await self._rest.dead_mans_switch(0)
        except ExtendedError as error:
            logging.getLogger(__name__).warning("The dead man's switch stays armed: %s", error)
