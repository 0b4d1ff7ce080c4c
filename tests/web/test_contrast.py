"""The colours of the console: every pair that is used can be read, in both themes (WCAG 2.2, 1.4.3 and 1.4.11)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import doorbus_web

CSS = (Path(doorbus_web.__file__).parent / "static" / "doorbus.css").read_text()
TOKENS = dict(re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", CSS))
GROUNDS = ("bg", "card", "well")
TEXTS = [(text, ground) for text in ("text", "muted", "accent", "good", "warn", "bad", "info") for ground in GROUNDS]
SOFT = [(tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "info", "accent")]
SOFT += [("text", f"{tone}-soft") for tone in ("good", "warn", "bad", "info", "accent")]
FILLED = [("on-accent", "accent"), ("on-bad", "bad")]
EDGES = [("edge", ground) for ground in GROUNDS] + [("accent", ground) for ground in GROUNDS]


def contrast(one: str, other: str, theme: int) -> float:
    """Returns the contrast of two tokens in a theme (0 light, 1 dark)."""
    lights = sorted((_light(TOKENS[name].split(", ")[theme]) for name in (one, other)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def _light(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_can_be_read(theme: int) -> None:
    """Each colour of text on each ground it stands on has a contrast of at least 4.5."""
    poor = {pair: round(contrast(*pair, theme), 2) for pair in (*TEXTS, *SOFT, *FILLED) if contrast(*pair, theme) < 4.5}
    assert poor == {}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_edges_of_controls_can_be_seen(theme: int) -> None:
    """The edges of fields and the ring of the focus have a contrast of at least 3."""
    assert {pair for pair in EDGES if contrast(*pair, theme) < 3} == set()


def test_every_colour_is_a_token_that_is_checked() -> None:
    """No colour stands outside the tokens, and none of them is left out of the pairs."""
    rules = CSS.split("}", 1)[1]
    checked = {name for pair in (*TEXTS, *SOFT, *FILLED, *EDGES) for name in pair}

    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb\(", rules) == []
    assert set(TOKENS) - checked == {"line"}  # a line between things that space tells apart as well
