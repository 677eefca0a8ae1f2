"""For a researcher with an idea: one file, given with --fork, beside everything that is here.
docs/fork.md shows what it may define; starter.py is what --new-fork writes."""

from forks.blame import blamed
from forks.loading import Fork, load
from forks.rounds import opened, try_out, try_seed_sets
