"""For speed: the same algorithm and network, several times faster, and the command's default.
Read datamap.py and cal.py first. After any change here, test_fast.py must still pass."""

from fast.side_by_side import SideBySide, View, at_once
from fast.stack import Stack
