"""Resumable uploads by the rules of tus 1.0. Keys: the owner of uploads; the digest of a blob.

    front ─► hold_blob ─► blob_held ··reactor··► note_hold ─► hold_noted      (key: owner)
      │   (key: digest)
      ├─► put the bytes in the blob store
      └─► append_chunk ─► chunk_accepted ... upload_completed ─► assembly_requested
                      └─► upload_rejected           ··effect··► file_stored

the vocabulary    terms.py, commands.py, events.py; tus.py: the protocol's statuses
the rules         decider.py ─┬─ uploading.py     an owner's uploads
                              ├─ assembling.py    a complete upload becomes a file
                              └─ ledger.py        who holds which blob; sweeping
  facts applied   facts.py
the state         state.py; invariants.py says what always holds
around it         reactors.py, effects.py; receiving.py: what a front calls
flows             flow.py, samples.py
"""

from typing import Any

from processors.core.system import System
from processors.media.uploads import invariants
from processors.media.uploads.commands import BY_DIGEST, BY_SURVEY, COMMANDS, SetPolicy
from processors.media.uploads.decider import DECIDER
from processors.media.uploads.effects import EFFECTS
from processors.media.uploads.events import EVENTS
from processors.media.uploads.flow import demo_flow, flow
from processors.media.uploads.reactors import REACTORS, SYSTEM_NAME


def key_of(command: Any) -> str | None:
    """An owner, a digest or a survey: what the command is about; the policy is everyone's."""
    kind = type(command)
    if kind in BY_DIGEST:
        return str(command.digest)
    if kind in BY_SURVEY:
        return str(command.survey)
    return None if kind is SetPolicy else str(command.owner)


SYSTEM = System(
    name=SYSTEM_NAME,
    decider=DECIDER,
    commands=COMMANDS,
    events=EVENTS,
    key=key_of,
    invariant=invariants.check,
    flow=flow,
    demo_flow=demo_flow,
    reactors=REACTORS,
    effects=EFFECTS,
)
