"""What comes out of Pillow: sizes, orientation, colours, and nothing but the picture."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from processors.media.photos.rendering import (
    Rendered,
    Unrendered,
    edges_of,
    renditions,
    upright,
)
from processors.media.photos.terms import Failure, Policy
from tests.processors.media.photos.pictures import (
    COMMENT,
    LEFT,
    RIGHT,
    bomb,
    encoded,
    photograph,
    two_halves,
)

POLICY = Policy(ladder=(50, 100, 1000))


def rendered(content: bytes, policy: Policy = POLICY) -> list[Rendered]:
    return list(renditions(upright(content, policy), policy))


def opened(rendition: Rendered) -> Image.Image:
    return Image.open(io.BytesIO(rendition.content))


def is_near(found: object, expected: tuple[int, int, int]) -> bool:
    assert isinstance(found, tuple)
    return all(abs(one - other) < 30 for one, other in zip(found, expected, strict=False))


def test_the_sizes_of_the_ladder_that_the_source_can_give() -> None:
    sizes = [(each.edge, each.width, each.height) for each in rendered(photograph())]
    assert sizes == [(400, 400, 200), (100, 100, 50), (50, 50, 25)]
    for each in rendered(photograph()):
        assert opened(each).size == (each.width, each.height)
        assert (opened(each).format, each.filetype) == ("JPEG", "image/jpeg")


@given(st.integers(1, 5000), st.integers(1, 5000), st.sets(st.integers(1, 4000), max_size=5))
def test_no_edge_is_beyond_the_source(width: int, height: int, ladder: set[int]) -> None:
    own = max(width, height)
    edges = edges_of(width, height, Policy(ladder=tuple(ladder)))
    assert edges == sorted(set(edges))
    assert edges[-1] <= own
    assert set(edges) - {own} == {edge for edge in ladder if edge < own}
    assert (own in edges) == (not ladder or max(ladder) >= own)


def test_a_source_that_is_one_pixel_high() -> None:
    content = encoded(Image.new("RGB", (700, 1)), "PNG")
    assert [(each.width, each.height) for each in rendered(content)] == [
        (700, 1),
        (100, 1),
        (50, 1),
    ]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_upright(orientation: int) -> None:
    """By EXIF: which side is up, and whether it is seen in a mirror."""
    largest = rendered(photograph(orientation))[0]
    picture = opened(largest)
    is_upright = orientation <= 4
    assert picture.size == ((400, 200) if is_upright else (200, 400))
    first_is_left = orientation in (1, 4, 5, 6)
    begin, end = picture.getpixel((20, 20)), picture.getpixel((picture.width - 20, 180))
    if not is_upright:
        end = picture.getpixel((20, picture.height - 20))
    assert is_near(begin, LEFT if first_is_left else RIGHT)
    assert is_near(end, RIGHT if first_is_left else LEFT)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_metadata_is_gone(form: str) -> None:
    """Camera, owner, place, serial number, comment, XMP and profile: before, and not after."""
    with Image.open(io.BytesIO(photograph())) as source:
        options = {"exif": source.getexif(), "icc_profile": source.info["icc_profile"]}
        content = photograph() if form == "JPEG" else encoded(source, form, **options)
    with Image.open(io.BytesIO(content)) as source:
        exif = source.getexif()
        assert exif[0x010F] == "PrivateCam"
        assert exif.get_ifd(0x8825), "it says where it was taken"
    assert b"Ann Example" in content
    for rendition in rendered(content):
        for word in (b"Exif", b"PrivateCam", b"Ann", b"SN-12345", COMMENT, b"xmp", b"ICC_PROFILE"):
            assert word not in rendition.content
        picture = opened(rendition)
        picture.load()
        assert not picture.getexif()
        assert not picture.getexif().get_ifd(0x8825)
        assert not {"exif", "icc_profile", "comment", "xmp", "photoshop"} & set(picture.info)


def test_what_is_clear_stays_clear() -> None:
    picture = two_halves(mode="RGBA")
    picture.putalpha(Image.new("L", picture.size, 40))
    for rendition in rendered(encoded(picture, "PNG")):
        assert rendition.filetype == "image/png"
        found = opened(rendition)
        assert (found.format, found.mode) == ("PNG", "RGBA")
        assert found.getpixel((5, 5))[3] == 40  # type: ignore[index]


def test_a_profile_that_does_not_fit_is_passed_over() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (lab, b"no profile at all"):
        content = encoded(two_halves(), "PNG", icc_profile=profile)
        assert is_near(opened(rendered(content)[0]).getpixel((20, 20)), LEFT)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA"])
def test_every_kind_of_pixel(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    picture = opened(rendered(encoded(two_halves(mode=mode), form))[0])
    assert picture.mode == ("RGBA" if mode == "LA" else "RGB")


def test_greys_of_16_bits() -> None:
    content = encoded(Image.new("I;16", (20, 20), 32_768), "PNG")
    assert is_near(opened(rendered(content)[0]).getpixel((5, 5)), (128, 128, 128))


def test_the_first_picture_of_an_animation() -> None:
    frames = [two_halves(), Image.new("RGB", (400, 200), (0, 255, 0))]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert is_near(opened(rendered(content)[0]).convert("RGB").getpixel((20, 20)), LEFT)


@pytest.mark.parametrize(
    ("content", "failure"),
    [
        (b"", Failure.UNREADABLE),
        (b"this is no picture", Failure.UNREADABLE),
        (photograph()[:2000], Failure.UNREADABLE),
        (encoded(two_halves(), "BMP"), Failure.UNSUPPORTED_FORMAT),
        (bomb(), Failure.TOO_MANY_PIXELS),
        (bomb(10_000, 10_000), Failure.TOO_MANY_PIXELS),
        (bomb(3000, 3000), Failure.UNREADABLE),
    ],
)
def test_what_cannot_be_rendered(content: bytes, failure: Failure) -> None:
    with pytest.raises(Unrendered) as raised:
        rendered(content)
    assert raised.value.failure is failure
    assert str(raised.value)


def test_a_bomb_is_never_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is the policy's, and is asked before any pixel is."""

    def load(picture: Image.Image) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", load)
    with pytest.raises(Unrendered) as raised:
        upright(photograph(), Policy(pixels_max=400 * 200 - 1))
    assert raised.value.failure is Failure.TOO_MANY_PIXELS


SOURCE = photograph()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(SOURCE) - 1), st.integers(0, 255), st.booleans())
def test_broken_bytes_are_a_failure_or_a_picture(at: int, value: int, cut: bool) -> None:
    broken = SOURCE[:at] if cut else SOURCE[:at] + bytes([value]) + SOURCE[at + 1 :]
    try:
        for rendition in rendered(broken, Policy(ladder=(20,))):
            opened(rendition).load()
    except Unrendered as error:
        assert error.failure in Failure


def test_the_same_source_gives_the_same_bytes() -> None:
    assert rendered(photograph()) == rendered(photograph())
