"""Photos: uploaded pictures in several sizes, upright, with their metadata gone. Key: the photo.

uploads ─► file_stored ··reactor··► add_photo ─► photo_added ··hold the source··►
    render_requested ··effect: Pillow··► renditions_made ··hold them, renew them··►
    photo_published

the vocabulary    terms.py, commands.py, events.py
the rules         decider.py; facts applied: facts.py
the state         state.py; invariants.py says what always holds
around it         reactors.py, effects.py, rendering.py (Pillow)
flows             flow.py, samples.py
"""

from typing import Any

from processors.core.system import System
from processors.media.photos import invariants
from processors.media.photos.commands import COMMANDS
from processors.media.photos.decider import DECIDER
from processors.media.photos.effects import EFFECTS
from processors.media.photos.events import EVENTS
from processors.media.photos.flow import demo_flow, flow
from processors.media.photos.reactors import REACTORS, SYSTEM_NAME


def key_of(command: Any) -> str | None:
    """The photo; the policy is for all."""
    photo: str | None = getattr(command, "photo", None)
    return photo


SYSTEM = System(
    name=SYSTEM_NAME,
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=key_of,
    invariant=invariants.check,
    flow=flow,
    demo_flow=demo_flow,
    demo_commands=2_000,
    reactors=REACTORS,
    effects=EFFECTS,
)
