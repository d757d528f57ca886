"""Renditions of a picture by Pillow: upright, in sRGB, smaller or as large, with no metadata.

    bytes ─► open (type, pixels) ─► turn upright ─► to sRGB ─► each edge ─► JPEG, or PNG with alpha

What comes out is made of pixels alone: EXIF with its places and cameras, XMP, comments, colour
profiles and thumbnails have no way through. Pillow is imported where an effect is opened.
"""

import io
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from PIL import Image, ImageCms, ImageOps

from processors.media.photos.terms import FILE_TYPES, Failure, Policy

Picture = Image.Image
FORMATS = tuple(filetype.removeprefix("image/").upper() for filetype in FILE_TYPES)
OPAQUE, CLEAR = "image/jpeg", "image/png"


class Unrendered(Exception):
    """There will be no renditions, however often it is tried."""

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


class Rendered(NamedTuple):
    edge: int
    width: int
    height: int
    filetype: str
    content: bytes


def upright(content: bytes, policy: Policy) -> Picture:
    """The picture as it is to be seen, RGB or RGBA. Errors: Unrendered."""
    with warnings.catch_warnings():
        # Pillow warns of what it takes for many pixels; the policy says how many are too many.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            picture = Image.open(io.BytesIO(content), formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise Unrendered(Failure.TOO_MANY_PIXELS, str(error)) from error
        except Exception as error:
            raise Unrendered(*_unreadable(content, error)) from error
    with picture:
        pixels = picture.width * picture.height
        if pixels > policy.pixels_max:
            raise Unrendered(
                Failure.TOO_MANY_PIXELS,
                f"{picture.width} x {picture.height} are more than {policy.pixels_max} pixels",
            )
        try:
            return _in_srgb(ImageOps.exif_transpose(picture))
        except Exception as error:  # a broken file makes Pillow raise anything
            raise Unrendered(Failure.UNREADABLE, f"{type(error).__name__}: {error}") from error


def _unreadable(content: bytes, error: Exception) -> tuple[Failure, str]:
    """Another type, or no picture at all."""
    try:
        with Image.open(io.BytesIO(content)) as picture:
            found = str(picture.format)
    except Exception:
        return Failure.UNREADABLE, f"{type(error).__name__}: no picture"
    return Failure.UNSUPPORTED_FORMAT, f"it is {found}; photos are made from {', '.join(FORMATS)}"


def _in_srgb(picture: Picture) -> Picture:
    """Colours as a screen shows them, so that the profile can go."""
    if picture.mode.startswith("I;16"):  # greys of 16 bits, which Pillow would cut off at 255
        picture = picture.point(lambda grey: grey * (1 / 256)).convert("L")
    profile = picture.info.get("icc_profile")
    has_alpha = picture.has_transparency_data
    if profile and picture.mode in ("RGB", "RGBA", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            mode = "RGBA" if picture.mode == "RGBA" else "RGB"
            target = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(picture, source, target, outputMode=mode)
            picture = turned or picture
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that is no profile: the numbers are taken for sRGB, as without one
    return picture.convert("RGBA" if has_alpha else "RGB")


def edges_of(width: int, height: int, policy: Policy) -> list[int]:
    """The ladder's edges that the source can give, ascending; its own for those beyond."""
    own = max(width, height)
    return sorted({min(edge, own) for edge in policy.ladder} or {own})


def renditions(picture: Picture, policy: Policy) -> Iterator[Rendered]:
    """One for each edge, the largest first. The source is reduced by whole factors before it is
    resampled, which is faster and looks the same."""
    filetype = CLEAR if picture.mode == "RGBA" else OPAQUE
    own = max(picture.size)
    for edge in reversed(edges_of(*picture.size, policy)):
        width, height = (max(1, round(side * edge / own)) for side in picture.size)
        smaller = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)
        smaller.info = {}
        target = io.BytesIO()
        smaller.save(target, **_options(filetype, policy))
        yield Rendered(edge, smaller.width, smaller.height, filetype, target.getvalue())


def _options(filetype: str, policy: Policy) -> dict[str, Any]:
    if filetype == CLEAR:
        return {"format": "PNG", "optimize": True}
    return {"format": "JPEG", "quality": policy.quality, "optimize": True, "progressive": True}
