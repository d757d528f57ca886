"""Playlists, the manifest, and the listing of all files of an encoding, out of its records."""

import msgspec

from processors.media.video.events import PackageRequested
from processors.media.video.outside import dash, hls, records
from processors.media.video.outside.tools import Tools
from processors.media.video.outside.tracks import Track, check_aligned, track_of
from processors.media.video.terms import Blob, File, Variant


class Package(msgspec.Struct, frozen=True, kw_only=True):
    listing: Blob
    files: tuple[File, ...]
    variants: tuple[Variant, ...]
    duration_us: int


async def package(tools: Tools, request: PackageRequested) -> Package:
    """Errors: Refused where the renditions do not go together; BlobMissing where a sweep took what
    was not held yet."""
    tracks = []
    for wanted in request.renditions:
        read = [records.decode(await tools.read(digest)) for digest in wanted.records]
        tracks.append(track_of(wanted.rendition, read))
    check_aligned(tracks)
    files = []
    for path, text in playlists(tracks, request.rate_num, request.rate_den).items():
        blob = await tools.put([text.encode()])
        files.append(File(path, blob.digest, blob.size))
    whole = (*files, *(file for track in tracks for file in track.files()))
    named = tuple(digest for wanted in request.renditions for digest in wanted.records)
    await tools.check_there(file.digest for file in whole)
    target = hls.target_s(tracks)
    return Package(
        listing=await tools.put_listing(whole, named),
        files=tuple(files),
        variants=tuple(_variant(track, target) for track in tracks),
        duration_us=tracks[0].ticks * 1_000_000 // tracks[0].timescale,
    )


def playlists(tracks: list[Track], rate_num: int, rate_den: int) -> dict[str, str]:
    """Their texts by path."""
    target = hls.target_s(tracks)
    made = {
        hls.MAIN_PATH: hls.multivariant_playlist(tracks, rate_num, rate_den),
        dash.MANIFEST_PATH: dash.manifest(tracks, rate_num, rate_den),
    }
    for track in tracks:
        made[track.playlist_path] = hls.media_playlist(track, target)
        if not track.is_audio:
            made[track.intra_playlist_path] = hls.intra_playlist(track, target)
    return made


def _variant(track: Track, target: int) -> Variant:
    return Variant(
        rendition=track.rendition,
        bandwidth=track.peak_bits_per_s(target),
        average_bandwidth=track.average_bits_per_s,
        codecs=track.codecs,
        width=track.width,
        height=track.height,
    )
