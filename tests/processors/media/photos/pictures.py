"""Pictures for the tests, made with Pillow: with all that cameras write, or broken."""

import io
from functools import cache
from typing import Any

from PIL import Image, ImageCms
from PIL.ExifTags import GPS, IFD, Base

LEFT, RIGHT = (250, 10, 10), (10, 10, 250)
COMMENT = b"taken at home"
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>creator: Ann</x:xmpmeta>"


def two_halves(width: int = 400, height: int = 200, mode: str = "RGB") -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), RIGHT)
    picture.paste(LEFT, (0, 0, width // 2, height))
    return picture.convert(mode)


def camera_exif(orientation: int = 1) -> Image.Exif:
    """What a telephone writes: whose it is, where it was, and how it was held."""
    exif = Image.Exif()
    exif[Base.Make] = "PrivateCam"
    exif[Base.Artist] = "Ann Example"
    exif[Base.Orientation] = orientation
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[GPS.GPSLatitudeRef] = "N"
    gps[GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    gps[GPS.GPSLongitudeRef] = "E"
    gps[GPS.GPSLongitude] = (13.0, 24.0, 36.0)
    camera = exif.get_ifd(IFD.Exif)
    camera[Base.BodySerialNumber] = "SN-12345"
    return exif


def encoded(picture: Image.Image, form: str = "JPEG", **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, form, **options)
    return target.getvalue()


@cache
def photograph(orientation: int = 1, width: int = 400, height: int = 200) -> bytes:
    """A JPEG with all that a camera and an editor leave in it. (A profile holds its time.)"""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(
        two_halves(width, height),
        quality=95,
        exif=camera_exif(orientation),
        icc_profile=profile,
        comment=COMMENT,
        xmp=XMP,
    )


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG that says that it is huge, in a few bytes."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content).to_bytes(4, "big")
        return len(content).to_bytes(4, "big") + kind + content + checksum

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + b"\x08\x02\x00\x00\x00")
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
