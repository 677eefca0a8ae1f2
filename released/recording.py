"""What several differences need: classes laid over each other; a theta that keeps its passes."""

from fast import SideBySide
from released.model import Recorded


def laid(*classes, **attributes):
    """One class of several, each laid over the next."""
    return type(classes[0].__name__, classes, attributes)


class Recording(SideBySide):
    """Theta keeps what its training passes see (rows 7, 9 and 13 ask for it)."""

    @property
    def Theta(self):
        return laid(Recorded, super().Theta)

    def new_theta(self, i, stack):
        theta = super().new_theta(i, stack)
        if isinstance(i, int):  # a round; all the data at once would be much to keep
            theta.record()
        return theta

    def watch(self, theta, x, group, start, order):
        theta.settle(order)
        return super().watch(theta, x, group, start, order)
