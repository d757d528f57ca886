"""What holds of every state of uploads between two commands. For tests: walks everything."""

from collections import Counter

from processors.media.uploads.state import (
    NEVER,
    Entry,
    Owner,
    Phase,
    Step,
    Timer,
    Upload,
    Uploads,
)

WITHOUT_TIMER = (Phase.ASSEMBLING, Phase.VERIFYING, Phase.STORED)


def check(state: Uploads) -> None:
    """AssertionError where the state is impossible."""
    timers: list[Timer] = []
    for name, owner in state.owners.items():
        _check_owner(name, owner)
        for upload in owner.uploads.values():
            if upload.due_ms != NEVER:
                timers.append(Timer(upload.due_ms, name, upload.upload))
    for digest, entry in state.blobs.items():
        _check_entry(digest, entry)
        if entry.sweep_at_ms != NEVER:
            timers.append(Timer(entry.sweep_at_ms, "", digest))
    assert list(state.timers) == sorted(timers), "the timers are not those of uploads and blobs"


def _check_owner(name: str, owner: Owner) -> None:
    alive = [upload for upload in owner.uploads.values() if upload.phase is not Phase.ENDED]
    used_bytes = sum(upload.reserved for upload in alive)
    assert owner.used_bytes == used_bytes, f"{name}: {owner.used_bytes} used, not {used_bytes}"
    finals = Counter(
        partial
        for upload in alive
        if upload.phase is not Phase.STORED
        for partial in upload.partials
    )
    for key, upload in owner.uploads.items():
        where = f"{name}/{key}"
        assert (upload.owner, upload.upload) == (name, key), f"{where}: it stands elsewhere"
        assert upload.number <= owner.created, f"{where}: a number that was not given yet"
        assert upload.finals == finals[key], f"{where}: {finals[key]} concatenations go by it"
        assert not upload.finals or upload.phase is Phase.COMPLETE, f"{where}: it is gone by"
        assert (upload.due_ms == NEVER) == (upload.phase in WITHOUT_TIMER), f"{where}: its timer"
        if upload.phase is not Phase.ENDED:
            _check_bytes(where, upload)


def _check_bytes(where: str, upload: Upload) -> None:
    """Accepted are the bytes from the first on without a gap, and all of them are held."""
    for part in upload.parts:
        assert part.digest in upload.holds, f"{where}: {part.digest} is not held"
    if not upload.partials:
        assert sum(part.size for part in upload.parts) == upload.offset, f"{where}: a gap"
    assert upload.length is None or upload.offset <= upload.length, f"{where}: too long"
    if upload.phase is Phase.RECEIVING:
        assert upload.offset != upload.length, f"{where}: it is complete"
    else:
        assert upload.offset == upload.length, f"{where}: it is not complete"
    assert (upload.phase is not Phase.COMPLETE) or upload.partial, f"{where}: a file is due"
    if upload.phase in (Phase.VERIFYING, Phase.STORED):
        assert upload.digest in upload.holds, f"{where}: the file is not held"


def _check_entry(digest: str, entry: Entry) -> None:
    assert bool(entry.holders) == (entry.step is None), f"{digest}: held, and on its way out"
    waiting = entry.step is Step.WAITING
    assert waiting == (entry.sweep_at_ms != NEVER), f"{digest}: its timer"
