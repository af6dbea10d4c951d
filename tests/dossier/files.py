"""Files that somebody may lay as a paper. For tests.

Lives here: `NOTE`, `PDF`, `JPEG`, `png`. Not here: what is refused (`test_files`), a node (`flows.stage`).
"""

from __future__ import annotations

import struct
import zlib

SECRET = "The line that nobody but our side reads"
NOTE = f"# Draft\n\n{SECRET}. [a](javascript:alert(1)) <script>alert(1)</script> ![x](https://elsewhere.example/x.png)\n"
JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xff\xc0\x00\x11\x08\x00\x10\x00\x20\x03" + bytes(20)
"""Its head: 32 by 16 points, and no picture after it."""
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def png(width: int = 2, height: int = 1) -> bytes:
    """A true picture of black points."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + bytes(3 * width)) * height if width * height < 100_000 else b""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
