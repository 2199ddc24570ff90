"""The protocol between decoder.py and child.py.

Request: operation (1 byte), length (4 bytes, big-endian), picture. Answer: 1 for yes or 0 for no, length, data.
"""

import struct

CHECK, SHRINK, THUMBNAIL = b"c", b"s", b"t"
SIDES = {SHRINK: 256, THUMBNAIL: 640}  # px, at most, of scaled pictures
HEAD = struct.Struct(">cI")
READY = b"+"  # sent once, when the child has started
