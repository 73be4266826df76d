"""Draws pictures of digits as people take them: paper, pens, shadows, rules, squares, desks, rotation."""

import gzip
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

MNIST = Path(__file__).parents[1] / "data" / "mnist"


@cache
def digits():
    """MNIST's first 500 test images, uint8 (500, 28, 28), and their labels."""
    with gzip.open(MNIST / "t10k-images-idx3-ubyte.gz") as file:
        images = np.frombuffer(file.read(16 + 500 * 784), np.uint8, offset=16).reshape(-1, 28, 28)
    with gzip.open(MNIST / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(8 + 500), np.uint8, offset=8)
    return images, labels


def number(text, skip=0):
    """Images of the digits of a text, each the next one of its kind after `skip` others."""
    images, labels = digits()
    counts = {}
    chosen = []
    for char in text:
        counts[char] = counts.get(char, skip - 1) + 1
        chosen.append(images[np.flatnonzero(labels == int(char))[counts[char]]])
    return chosen


def encoded(picture, kind="PNG", **options):
    """A Pillow image or an array as the bytes of a file."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def enlarged(image, factor=8):
    """A grey array several times as large."""
    size = (image.shape[1] * factor, image.shape[0] * factor)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


@dataclass(frozen=True)
class Sheet:
    """How a row of digits is drawn; lengths in pixels."""

    size: int = 100  # of a digit's 28 by 28
    gap: int = 0  # between the 28 by 28 squares; negative for digits that touch
    margin: int = 60
    paper: tuple[int, int, int] = (255, 255, 255)
    ink: tuple[int, int, int] = (20, 20, 20)
    shadow: float = 0.0  # share of the light that is lost in one corner
    noise: float = 0.0  # deviation of each pixel
    rules: int = 0  # distance of horizontal lines, 0 for none
    squared: bool = False
    tilt: float = 0.0  # degrees
    desk: tuple[int, int, int] | None = None  # a ground around the sheet
    seed: int = 0


def drawn(lines, sheet=None):
    """RGB array of lines of uint8 (28, 28) digits on a sheet."""
    sheet = sheet or Sheet()
    rng = np.random.default_rng(sheet.seed)
    ink = _ink(lines, sheet)
    ground = np.ones((*ink.shape, 3)) * sheet.paper
    if sheet.rules:
        blue, half = np.array((110, 130, 190)), sheet.rules // 2
        for y in range(half, ink.shape[0], sheet.rules):
            ground[y : y + 2] = blue
        for x in range(half, ink.shape[1], sheet.rules) if sheet.squared else ():
            ground[:, x : x + 2] = blue
    picture = ground * (1 - ink[..., None]) + np.array(sheet.ink) * ink[..., None]
    if sheet.tilt:
        turned = Image.fromarray(picture.astype(np.uint8))
        picture = np.asarray(
            turned.rotate(sheet.tilt, Image.Resampling.BICUBIC, fillcolor=sheet.paper), float
        )
    if sheet.desk:
        picture = np.pad(picture, ((70, 70), (90, 90), (0, 0)), constant_values=-1)
        picture = np.where(picture < 0, sheet.desk, picture)
    rows, columns = np.linspace(0, 1, picture.shape[0])[:, None], np.linspace(0, 1, picture.shape[1])
    picture = picture * (1 - sheet.shadow * (rows + columns) / 2)[..., None]
    return np.clip(picture + rng.normal(0, sheet.noise, picture.shape), 0, 255).astype(np.uint8)


def _ink(lines, sheet):
    """Float (height, width): 1 where there is ink."""
    step = sheet.size + sheet.gap
    height = 2 * sheet.margin + sheet.size * len(lines)
    width = 2 * sheet.margin + max(step * (len(line) - 1) + sheet.size for line in lines)
    ink = np.zeros((height, width))
    for i, line in enumerate(lines):
        for j, digit in enumerate(line):
            big = Image.fromarray(digit).resize((sheet.size, sheet.size), Image.Resampling.BICUBIC)
            y, x = sheet.margin + i * sheet.size, sheet.margin + j * step
            part = ink[y : y + sheet.size, x : x + sheet.size]
            np.maximum(part, np.asarray(big) / 255, out=part)
    return ink
