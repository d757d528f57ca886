"""What the simulator is tried on: the samples, with their read models where they have some."""

from collections.abc import Callable

from replay.simulator.simulation import subject_of
from replay.simulator.world import Subject
from tests.samples import parking, relay
from tests.samples.asking import World, asking
from tests.samples.parking import projections

SUBJECTS: dict[str, Callable[[], Subject]] = {
    "parking": lambda: subject_of(parking.SYSTEM, {"samples.parking": projections.PROJECTIONS}),
    "relay": lambda: subject_of(relay.FINISH, {}),
    "asking": lambda: subject_of(asking(World()), {}),
}
