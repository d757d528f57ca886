"""The simulator: one seed, one deterministic run of a whole deployment in one process.

    profile.py ─► faults.py ─┐
    actors.py  (producers, workers, projectors: the real ones) ─┼─► world.py ─► checks.py
    places.py  (a cluster: cluster.py; a machine: disk.py) ─────┘        │
                                                                   simulation.py: seeds, shrinking

`simulate(system, seeds=...)` in a test, `refold simulate` on the command line.
"""

from replay.simulator.profile import Fault, Profile, load_profile
from replay.simulator.simulation import Report, SimulationFailed, simulate

__all__ = ["Fault", "Profile", "Report", "SimulationFailed", "load_profile", "simulate"]
