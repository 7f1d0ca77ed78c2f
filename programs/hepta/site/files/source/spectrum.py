#!/usr/bin/env python3
"""Draws ../spectrum.png: seven waves, one for each layer, with nothing but the standard library."""

import math
import struct
import zlib
from pathlib import Path

WIDTH, HEIGHT = 448, 224
PAPER = (28, 33, 39)
COLOURS = [(166, 128, 221), (109, 155, 234), (67, 173, 180), (95, 181, 115),
           (179, 177, 63), (217, 151, 63), (216, 116, 93)]


def chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)


def colour(x: int, y: int) -> int:
    """The wave this point is on, from 1, or 0 for none."""
    for n in range(len(COLOURS)):
        wave = math.sin(x / WIDTH * math.tau * (7 - n) / 2)
        middle = (n + 0.75) * HEIGHT / 7.5 + wave * 9
        if abs(y - middle) < 3:
            return n + 1
    return 0


def main() -> None:
    rows = b"".join(b"\0" + bytes(colour(x, y) for x in range(WIDTH)) for y in range(HEIGHT))
    palette = b"".join(bytes(c) for c in [PAPER, *COLOURS])
    png = (b"\x89PNG\r\n\x1a\n"
           + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0))
           + chunk(b"PLTE", palette)
           + chunk(b"IDAT", zlib.compress(rows, 9))
           + chunk(b"IEND", b""))
    (Path(__file__).resolve().parent.parent / "spectrum.png").write_bytes(png)


if __name__ == "__main__":
    main()
