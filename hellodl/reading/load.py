"""From any source to upright pixels of a workable size: files, bytes, Pillow images, arrays."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from hellodl.errors import PictureError
from hellodl.reading.formats import LONG_SIDE, undecoded
from hellodl.reading.opening import decoding, opened, room_for

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

    from hellodl.reading.arrays import Pixels
    from hellodl.reading.opening import Encoded


class ArrayLike(Protocol):
    """What gives an array of itself: NumPy's own, and tensors, ours or PyTorch's."""

    def __array__(self) -> NDArray[Any]: ...


Source: TypeAlias = "Encoded | Image | ArrayLike"

STRIP = 64  # rows of pixels that are made from a large picture at a time
UPRIGHT = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation to the Transpose that undoes it


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels to read digits from.

    pixels: uint8, (height, width) grey or (height, width, 3) red, green, blue; no transparency left.
    scale: original pixels a pixel here; 1.0 unless the picture was reduced on loading. has_more: whether its
    file holds more pages or frames, which are not read.
    """

    name: str
    pixels: Pixels = field(repr=False)
    scale: float = 1.0
    has_more: bool = False

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return int(self.pixels.shape[1])


def load_picture(source: Source | Picture) -> Picture:
    """Load a path, encoded bytes, a binary file, a Pillow image or an array (h, w[, 1 to 4 channels]).

    What gives an array of itself counts as one, and so does a view of memory that has rows. Only the first
    frame is read. Raises PictureError, naming the source, for anything that is no picture.
    """
    from PIL import Image

    if isinstance(source, Picture):
        return source
    if hasattr(source, "__array__") or (isinstance(source, memoryview) and source.ndim > 1):
        source = _image_from_array(np.asarray(source))
    if isinstance(source, Image.Image):
        with decoding("image"), room_for("image", source):
            upright = _upright(source, _workable(source.size))
        return Picture("image", _opaque(upright), max(source.size) / max(upright.size))
    with opened(source) as (name, file), decoding(name), ExitStack() as turn:
        longer, upright, more = _from_file(name, file, turn)  # what was decoded is gone before another's turn
    return Picture(name, _opaque(upright), longer / max(upright.size), more)


def _image_from_array(array: NDArray[np.generic]) -> Image:
    """Pillow image of an array; see `_bytes_of`. Raises PictureError for arrays that are no picture."""
    from PIL import Image

    kind = f"array of {array.dtype}, shape {array.shape}"
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in {2, 3} or channels > 4 or not array.size or array.dtype.kind not in "bfiu":
        raise PictureError(f"{kind}: expected pixels of shape (height, width) or (height, width, 1 to 4)")
    if not np.isfinite(array).all():
        raise PictureError(f"{kind}: holds NaN or infinity, expected pixels")
    shape = array.shape if channels > 1 else array.shape[:2]
    return Image.fromarray(np.ascontiguousarray(_bytes_of(array)).reshape(shape))


def _from_file(name: str, file: IO[bytes], turn: ExitStack) -> tuple[int, Image, bool]:
    """The longer side as it is in the file, the picture, and whether there are more than this first one."""
    with undecoded(name, file) as image:
        turn.enter_context(room_for(name, image))
        longer, size = max(image.size), _workable(image.size)
        image.draft(None, size)  # a JPEG is decoded at a fraction of its size
        return longer, _upright(image, size).copy(), _has_more(image)  # which may lose what was decoded


def _has_more(image: Image) -> bool:
    """Whether there are more pages or frames; a phone's photograph has others for other screens."""
    with suppress(Exception):  # damage behind the first must not cost it
        return image.format != "MPO" and bool(getattr(image, "is_animated", False))
    return False


def _workable(size: tuple[int, int]) -> tuple[int, int]:
    """A picture's size, width and height, or one like it whose longer side is LONG_SIDE."""
    width, height = (max(1, side * LONG_SIDE // max(LONG_SIDE, *size)) for side in size)
    return width, height


def _upright(image: Image, size: tuple[int, int]) -> Image:
    """The image decoded, of that size or as it is if that is smaller, of eight bits, and turned by EXIF."""
    from PIL import Image as PillowImage

    turn = UPRIGHT.get(_orientation(image))
    if image.size != size:
        image = _resized(_eight_bit(image) if image.mode[0] in "IF" else image, size)
    image = _eight_bit(image)
    if turn is not None:
        image = image.transpose(PillowImage.Transpose(turn))
    image.load()
    return image


def _resized(image: Image, size: tuple[int, int]) -> Image:
    """Each pixel the mean of those in its place, first of whole ones.

    As `resize` does with `reducing_gap=1`, but by strips: it makes a copy of pixels with alpha before.
    """
    from PIL import Image as PillowImage

    across, down = (max(1, old // new) for old, new in zip(image.size, size, strict=True))
    height = -(-image.height // down)
    strips = []
    for top in range(0, height, STRIP):
        rows = top * down, min((top + STRIP) * down, image.height)
        strips.append(_eight_bit(image.crop((0, rows[0], image.width, rows[1]))).reduce((across, down)))
    reduced = PillowImage.new(strips[0].mode, (strips[0].width, height))
    for number, strip in enumerate(strips):
        reduced.paste(strip, (0, number * STRIP))
    whole = 0, 0, image.width / across, image.height / down
    return reduced.resize(size, PillowImage.Resampling.BOX, whole)


def _orientation(image: Image) -> int:
    """EXIF orientation, 1 (upright) when the picture has none or its EXIF is damaged."""
    try:
        return int(image.getexif().get(274, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF must not cost the picture
        return 1


def _eight_bit(image: Image) -> Image:
    """Grey, grey with alpha, RGB or RGBA, eight bits a channel."""
    from PIL import Image as PillowImage

    if image.mode[0] in "IF":  # convert("L") would clip to white
        return PillowImage.fromarray(_bytes_of(np.asarray(image)))
    if image.mode in {"L", "LA", "RGB", "RGBA"} and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _bytes_of(values: NDArray[np.generic]) -> Pixels:
    """Greys as 0 to 255: the first eight of the bits that uint16 uses; of others shares of 1, 255 or more."""
    if values.dtype == np.uint8:
        return values.view(np.uint8)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:
        return np.asarray(np.right_shift(values, max(0, int(values.max()).bit_length() - 8)), np.uint8)
    known = np.nan_to_num(np.asarray(values, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    full = next((full for full in (1.0, 255.0) if known.max() <= full), known.max())
    return np.asarray(np.rint(np.clip(known / full, 0, 1) * 255), np.uint8)


def _opaque(image: Image) -> Pixels:
    """Pixels over a ground that keeps the ink visible, as grey where there is no colour."""
    pixels = np.asarray(image)
    if image.mode in {"LA", "RGBA"}:
        pixels = _over_ground(pixels[..., :-1], pixels[..., -1])
    if pixels.ndim == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels)


def _over_ground(colours: Pixels, alpha: Pixels) -> Pixels:
    """Lay transparent pixels over a ground.

    Mostly opaque: the ground is what most opaque pixels are. Mostly transparent: the opaque part is the ink,
    so dark ink goes on white and light ink on black.
    """
    opaque = alpha > 127
    if not opaque.any():
        return colours if colours.min() < colours.max() and alpha.any() else np.full_like(colours, 255)
    usual = np.median(colours[opaque].reshape(-1, colours.shape[2]), axis=0)
    if opaque.mean() < 0.5:
        usual[:] = 255 if usual.mean() < 128 else 0
    weight = alpha[..., None].astype(np.float32) / 255
    blended = colours * weight + usual.astype(np.float32) * (1 - weight)
    return np.asarray(blended.round(), np.uint8)
