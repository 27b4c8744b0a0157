"""Draw the two example images; needs Pillow. Run it in this folder."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent


def harbour() -> Image.Image:
    """Draw a sunrise over a harbour."""
    image = Image.new("RGB", (480, 320), "#f7b267")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 190, 480, 320), fill="#355070")
    draw.ellipse((200, 130, 280, 210), fill="#ffe66d")
    draw.rectangle((0, 190, 480, 200), fill="#6d597a")
    for x in (70, 330):
        draw.polygon([(x, 240), (x + 90, 240), (x + 70, 265), (x + 20, 265)], fill="#2b2d42")
        draw.polygon([(x + 45, 150), (x + 45, 235), (x + 85, 235)], fill="#fffcf2")
    return image


def cup() -> Image.Image:
    """Draw a cup of coffee on a table."""
    image = Image.new("RGB", (320, 320), "#d9c5b2")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 220, 320, 320), fill="#7e6551")
    draw.rounded_rectangle((100, 130, 210, 240), 18, fill="#f3f3f4")
    draw.arc((185, 150, 245, 215), 270, 90, fill="#f3f3f4", width=12)
    draw.ellipse((108, 122, 202, 146), fill="#34312d")
    return image


if __name__ == "__main__":
    harbour().save(HERE / "harbour.png", optimize=True)
    cup().save(HERE / "cup.png", optimize=True)
