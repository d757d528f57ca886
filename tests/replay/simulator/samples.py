"""What the simulator is tried on: the samples, with their read models where they have some."""

from collections.abc import Callable

import msgspec

from replay.simulator.profile import Profile
from replay.simulator.simulation import ROUGH, subject_of
from replay.simulator.world import Subject
from tests.samples import parking, relay
from tests.samples.asking import World, asking
from tests.samples.parking import projections

SUBJECTS: dict[str, Callable[[], Subject]] = {
    "parking": lambda: subject_of(parking.SYSTEM, {"samples.parking": projections.PROJECTIONS}),
    "relay": lambda: subject_of(relay.FINISH, {}),
    "asking": lambda: subject_of(asking(World()), {}),
}


def rough(sample: str, place: str) -> Profile:
    """The built-in faults, and a workload of a sensible size: a command of the relay leads to
    thirty."""
    commands = 30 if sample == "relay" else ROUGH[place].commands
    return msgspec.structs.replace(ROUGH[place], commands=commands)
