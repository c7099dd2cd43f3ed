"""The line under a picture: mission, task, time, depth, weight-on-bit, anchor margin."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

_PALE, _STRONG = (168, 176, 186), (240, 243, 246)
_LOW = (255, 150, 80)  # an anchor margin below 1.5 is worth a colour


@dataclass(frozen=True, slots=True)
class Caption:
    """What the line says; None is a gap and shown as one.

    Attributes:
        anchor_margin: what the anchors hold over what they carry; 1 is the limit.
    """

    mission: str
    task: str
    time_s: float
    depth_m: float | None = None
    weight_on_bit_n: float | None = None
    anchor_margin: float | None = None

    def entries(self) -> list[tuple[str, str]]:
        """Label and value of each entry, in order."""
        minutes, seconds = divmod(self.time_s, 60.0)
        return [
            (self.mission, self.task),
            ("t", f"{int(minutes):d}:{seconds:04.1f}"),
            ("depth", _number(self.depth_m, 1e3, "{:.0f} mm")),
            ("weight on bit", _number(self.weight_on_bit_n, 1.0, "{:.1f} N")),
            ("anchor margin", _number(self.anchor_margin, 1.0, "{:.2f}")),
        ]


def stamp(picture: Image.Image, caption: Caption) -> None:
    """Draw the caption over the bottom of an RGB picture, in place."""
    width, height = picture.size
    font = _font(max(9, round(height * 0.026)))
    bar = round(height * 0.062)
    picture.paste(
        Image.blend(picture.crop((0, height - bar, width, height)), Image.new("RGB", (width, bar)), 0.62),
        (0, height - bar),
    )
    draw = ImageDraw.Draw(picture)
    x, y, gap = width * 0.022, height - bar / 2, width * 0.028
    for label, value in caption.entries():
        low = label == "anchor margin" and caption.anchor_margin is not None and caption.anchor_margin < 1.5
        draw.text((x, y), label, font=font, fill=_PALE, anchor="lm")
        x += draw.textlength(label + " ", font=font) + width * 0.003
        draw.text((x, y), value, font=font, fill=_LOW if low else _STRONG, anchor="lm")
        x += draw.textlength(value, font=font) + gap


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def _number(value: float | None, factor: float, form: str) -> str:
    return "-" if value is None else form.format(value * factor)
