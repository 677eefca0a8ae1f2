"""For a researcher: today's strategies, to compare with the paper's and with your own.
Importing this room adds them to strategies.STRATEGIES. Add your own baseline in today.py."""

from baselines.today import BEST, BEYOND
from strategies import STRATEGIES

STRATEGIES.update(BEYOND)
