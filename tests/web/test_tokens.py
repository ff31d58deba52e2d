"""The design tokens: text and marks can be read on every ground they stand on, light and dark."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

import kb

STATIC = Path(kb.__file__).parent / "static" / "kb"
TOKENS = (STATIC / "tokens.css").read_text(encoding="utf-8")
_PAIR = re.compile(r"--([\w-]+): light-dark\(oklch\(([^)]+)\), oklch\(([^)]+)\)\);")
_ALIAS = re.compile(r"--([\w-]+): var\(--([\w-]+)\);")

GROUNDS = ("page", "raised", "sunken", "hover")
# What is read on what: at least 4.5 to 1.
TEXTS = {
    **dict.fromkeys(("ink", "muted", "accent", "accent-strong"), GROUNDS),
    "faint": ("page", "raised", "sunken"),
    "on-accent": ("accent", "accent-strong"),
    **{f"{m}-text": ("page", "raised", "sunken", f"{m}-tint") for m in
       ("governing", "waiting", "contested", "past")},
}  # fmt: skip
TEXTS["ink"] = (
    *GROUNDS, "inserted", "deleted", "accent-tint", "governing-tint", "waiting-tint",
    "contested-tint", "past-tint",
)  # fmt: skip
# What is only seen: at least 3 to 1.
MARKS = {
    **dict.fromkeys(("governing", "waiting", "contested", "past", "focus", "edge"),
                    ("page", "raised", "sunken")),
}  # fmt: skip


def colours(theme: int) -> dict[str, tuple[float, float, float]]:
    """Every token's linear sRGB in one theme (0 light, 1 dark)."""
    found = {
        name: linear_srgb(*(float(part) for part in (light, dark)[theme].split()))
        for name, light, dark in _PAIR.findall(TOKENS)
    }
    for name, target in _ALIAS.findall(TOKENS):
        found[name] = found[target]
    return found


def linear_srgb(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """OKLCH to linear sRGB (Ottosson 2020), clipped as a screen does."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    cones = (
        lightness + 0.3963377774 * a + 0.2158037573 * b,
        lightness - 0.1055613458 * a - 0.0638541728 * b,
        lightness - 0.0894841775 * a - 1.2914855480 * b,
    )
    long, medium, short = (cone**3 for cone in cones)
    channels = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    red, green, blue = (min(1.0, max(0.0, channel)) for channel in channels)
    return red, green, blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """The contrast ratio of WCAG 2."""
    lights = sorted(
        (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05 for red, green, blue in (one, other)),
        reverse=True,
    )
    return lights[0] / lights[1]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("table", "least"), [(TEXTS, 4.5), (MARKS, 3.0)], ids=["text", "marks"])
def test_everything_can_be_read_on_what_it_stands_on(theme: int, table: dict, least: float):
    known = colours(theme)
    weak = {
        f"{front} on {ground}": round(contrast(known[front], known[ground]), 2)
        for front, grounds in table.items()
        for ground in grounds
        if contrast(known[front], known[ground]) < least
    }
    assert not weak


def test_the_measure_itself_is_right():
    black, white = linear_srgb(0, 0, 0), linear_srgb(1, 0, 0)
    assert contrast(black, white) == pytest.approx(21, abs=0.01)
    assert linear_srgb(0.6279554, 0.2576833, 29.2338812) == pytest.approx((1, 0, 0), abs=1e-3)


def test_components_name_tokens_and_no_raw_colour():
    for sheet in STATIC.glob("*.css"):
        if sheet.name == "tokens.css":
            continue
        css = sheet.read_text(encoding="utf-8")
        assert not re.search(r"#[0-9a-fA-F]{3,8}\b|rgb\(|hsl\(|oklch\(", css), sheet.name
        used = set(re.findall(r"var\(--([\w-]+)\)", css))
        assert used <= set(re.findall(r"--([\w-]+):", TOKENS)), sheet.name
