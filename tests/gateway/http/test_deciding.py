"""Waiting for decisions that never come: who waited is told, and nothing is kept of it."""

import asyncio

import pytest

from gateway.http.catalogue import Catalogue, Served
from gateway.http.commands import decide
from gateway.http.problems import ProblemFound
from gateway.http.service import Service
from gateway.http_settings import HttpSettings, Limits
from log.backends.memory import MemoryLog
from processors.core.registry import Registered
from projections.core.read_models import read_models
from tests.samples.parking import SYSTEM
from tests.samples.parking.commands import ParkCar

PARKING = Registered(SYSTEM, "tests.samples.parking")


def test_nothing_is_kept_of_who_waited_in_vain() -> None:
    async def wait_in_vain() -> None:
        log = MemoryLog()
        SYSTEM.ensure_topics(log)
        models = read_models(PARKING)
        served = Served(PARKING, log, models, models.open_store("memory:"))
        settings = HttpSettings(limits=Limits(wait_s=1.0))
        service = Service(Catalogue([served]), settings)
        try:
            for number in range(2):
                command = ParkCar(spot=f"spot-{number}", car="x", stay_ms=1)
                with pytest.raises(ProblemFound, match="was not decided") as found:
                    await decide(service, served, command, True)
                assert found.value.problem.status == 504
            targets = service.targets(served)
            assert sum(each.commands.high_watermark for each in targets) == 2
            assert [each.decided.waiting for each in targets] == [0] * len(targets)
        finally:
            service.close()

    asyncio.run(wait_in_vain())
