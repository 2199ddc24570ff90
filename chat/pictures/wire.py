"""The protocol between decoder.py and child.py.

Request: operation (1 byte), length (4 bytes, big-endian), picture. Answer: 1 for yes or 0 for no, length, data.
"""

import struct

CHECK, SHRINK = b"c", b"s"
HEAD = struct.Struct(">cI")
READY = b"+"  # sent once, when the child has started
