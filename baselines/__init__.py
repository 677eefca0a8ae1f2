"""For a researcher: strategies of today beside the paper's, to compare a new one with.
To import this room puts them into strategies.STRATEGIES. Add a baseline of your own in today.py."""

from baselines.today import BEST, BEYOND
from strategies import STRATEGIES

STRATEGIES.update(BEYOND)
