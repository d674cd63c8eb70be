"""A data set of digits that needs no download: the fonts shipped with matplotlib, drawn, warped and shrunk to 28 × 28.

Each image is one digit of one font and weight, elastically warped, then rotated, sheared, scaled and moved, all at
twice the resolution, and averaged down, so that its grey levels come from antialiasing as those of MNIST do.
The three splits are drawn with seeds of their own. Called by `lab.load`; keeps no labels.
"""

import functools
from pathlib import Path

import matplotlib
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torchvision.transforms.v2 import functional as transforms

from lab.data import GLYPHS_SIZES

SEEDS = {"train": 28_001, "validation": 28_002, "test": 28_003}
FONTS = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmr10", "cmb10", "cmss10", "cmtt10", "cmti10"),
)
STROKES = (0, 1)  # pixels at twice the resolution by which a font's lines are thickened
CANVAS = 56  # pixels, twice the side of an image
HEIGHT = 38  # pixels, of a digit before the warps: 19 of 28 in the image, as in MNIST
GROUP = 40  # images that share one elastic warp


def render(split: str, count: int | None = None) -> torch.Tensor:
    """Return the images of a split, the same at every call.

    Args:
        split: "train", "validation" or "test".
        count: how many images; the size of the split where None.
    Returns:
        Grey levels, uint8, shape (N, 1, 28, 28); a smaller count gives other images, not the first of more.
    """
    generator = torch.Generator().manual_seed(SEEDS[split])
    count = GLYPHS_SIZES[split] if count is None else count
    digits = _drawn_digits()
    images = digits[torch.randint(len(digits), (count,), generator=generator)]
    images = torch.cat([_warp(group, generator) for group in images.split(GROUP)])
    images = torch.stack([_move(image, *p) for image, p in zip(images, _parameters(count, generator), strict=True)])
    return F.avg_pool2d(images, 2).mul(255).round().to(torch.uint8)


@functools.cache
def _drawn_digits() -> torch.Tensor:
    """Return every digit in every font and weight, values in [0, 1], shape (N, 1, CANVAS, CANVAS)."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    drawn = []
    for name in FONTS:
        font = ImageFont.truetype(folder / f"{name}.ttf", size=HEIGHT, layout_engine=ImageFont.Layout.BASIC)
        top, bottom = font.getbbox("8")[1::2]
        font = font.font_variant(size=round(HEIGHT * HEIGHT / (bottom - top)))
        drawn += [_draw(digit, font, stroke) for digit in "0123456789" for stroke in STROKES]
    return torch.stack(drawn)


def _draw(digit: str, font: ImageFont.FreeTypeFont, stroke: int) -> torch.Tensor:
    """Return one digit in the middle of the canvas, values in [0, 1], shape (1, CANVAS, CANVAS)."""
    canvas = Image.new("L", (CANVAS, CANVAS))
    left, top, right, bottom = font.getbbox(digit, stroke_width=stroke)
    corner = ((CANVAS - left - right) / 2, (CANVAS - top - bottom) / 2)
    ImageDraw.Draw(canvas).text(corner, digit, fill=255, font=font, stroke_width=stroke)
    return transforms.pil_to_tensor(canvas) / 255


def _warp(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return the images (N, 1, CANVAS, CANVAS) under one smooth random displacement of about two pixels."""
    coarse = torch.randn(1, 2, 5, 5, generator=generator) * (2 * 1.5 / CANVAS)  # grid units: the side is 2 long
    fine = F.interpolate(coarse, size=(CANVAS, CANVAS), mode="bicubic", align_corners=True)
    return transforms.elastic(images, fine.movedim(1, -1))


def _parameters(count: int, generator: torch.Generator) -> list[list[float]]:
    """Return angle and shear in degrees, scale, and translation in pixels of the canvas, one row an image."""
    low = torch.tensor([-12.0, -12.0, 0.85, -3.0, -3.0])
    high = torch.tensor([12.0, 12.0, 1.1, 3.0, 3.0])
    return (low + (high - low) * torch.rand(count, len(low), generator=generator)).tolist()


def _move(image: torch.Tensor, angle: float, shear: float, scale: float, right: float, down: float) -> torch.Tensor:
    bilinear = transforms.InterpolationMode.BILINEAR
    return transforms.affine(image, angle, [right, down], scale, [shear, 0.0], interpolation=bilinear)
