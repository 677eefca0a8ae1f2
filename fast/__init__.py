"""For whoever waits: the same algorithm and network, several times quicker; the command's default.
Read datamap.py and cal.py first; whatever you change here, test_fast.py must still pass."""

from fast.side_by_side import SideBySide, View, at_once
from fast.stack import Stack
