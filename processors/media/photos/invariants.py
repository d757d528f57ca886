"""What holds of every state of photos between two commands. For tests."""

from processors.media.photos.state import Phase, Photo, Photos

WITH_RENDITIONS_MADE = (Phase.SAVING, Phase.VERIFYING)


def check(state: Photos) -> None:
    """AssertionError where the state is impossible."""
    for name, photo in state.photos.items():
        assert photo.photo == name, f"{name}: it stands elsewhere"
        assert photo.number <= state.added, f"{name}: a number that was not given yet"
        _check_holds(name, photo)


def _check_holds(name: str, photo: Photo) -> None:
    held = photo.phase is not Phase.HOLDING
    assert (photo.digest in photo.holds) == held, f"{name}: the source, {photo.phase.value}"
    for rendition in photo.published:
        assert rendition.digest in photo.holds, f"{name}: published, and not held"
    assert bool(photo.made) == (photo.phase in WITH_RENDITIONS_MADE), f"{name}: its renditions"
    missing = [each for each in photo.made if each.digest not in photo.holds]
    assert not missing or photo.phase is Phase.SAVING, f"{name}: {missing} are not held"
    assert photo.published or photo.phase is not Phase.PUBLISHED, f"{name}: nothing is published"
    assert photo.begun <= photo.attempt, f"{name}: its attempts"
