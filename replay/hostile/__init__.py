"""The determinism detective: recorded commands, decided under hostile conditions.

    history ─► plain run ─┬─► the same in every world
                          └─► differs in one world ─► which command ─► which line

`worlds.py` says what is otherwise in each world: hash seed, time zone, locale, clock, random
numbers, environment, working folder, memory, a restart. Each world is a process of its own
(`child.py`), in which `sources.py` stands in the place of clocks and the like, and `lines.py`
traces the deciding of one command. `detective.py` compares the runs, and names the line.
"""

from replay.hostile.detective import Finding, Report, RunFailed, WorldRun, examine

__all__ = ["Finding", "Report", "RunFailed", "WorldRun", "examine"]
