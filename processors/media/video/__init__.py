"""Videos: an uploaded file becomes renditions that players stream. Key: the video; of a job (one
range of one rendition), the job.

create_video ─► video_created ─probe─► source_probed ─pictures─► pictures_made
                                            └► encoding_started, range_requested ...
    range_requested ─► transcode_started ─transcode─► transcode_finished ─► range_transcoded
        on the job's own partition, so that many workers share a video; each asks for the next
    ... the last ─► package_requested ─package─► encoding_packaged ─► video_published

hold_video, release_video, take_down_video, reencode_video, view_video

the vocabulary    commands.py, events.py, terms.py
the rules         decider.py ─┬─ ladder.py      what a source can give, and how it is cut
                              ├─ jobs.py        one range of one rendition
                              └─ dropping.py    what is needed no more
  facts applied   facts.py
the state         state.py; invariants.py says what always holds
around it         reactors.py, effects.py ─► outside/: ffmpeg, boxes of MP4, HLS, DASH, pictures
for people        board.py; delivery.py lays an encoding out as a folder
flows             flow.py; demo.py, samples.py
"""

from typing import Any

from processors.core.system import System
from processors.media.video import invariants
from processors.media.video.board import overview
from processors.media.video.commands import COMMANDS
from processors.media.video.decider import DECIDER
from processors.media.video.demo import demo_flow
from processors.media.video.effects import EFFECTS
from processors.media.video.events import EVENTS
from processors.media.video.flow import flow
from processors.media.video.reactors import REACTORS


def key_of(command: Any) -> str:
    """Its job, where it has one; its video."""
    job: str | None = getattr(command, "job", None)
    return command.video if job is None else job


SYSTEM = System(
    name="media.video",
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=key_of,
    invariant=invariants.check,
    render=overview,
    flow=flow,
    demo_flow=demo_flow,
    reactors=REACTORS,
    effects=EFFECTS,
)
