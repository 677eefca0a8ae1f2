"""Algorithm 1 (cal.ActiveLearning) with many runs trained side by side and no repeated work."""

import torch

import cal
import datamap
import strategies
from fast.stack import Stack


class View(strategies.View):
    """A View whose theta' is also a Stack."""

    Binary = Stack


class SideBySide(cal.ActiveLearning):
    """ActiveLearning with Stacks. Given the same draws, it picks the same rows as with Models.

    shared_start: in round 0 all runs of a seed have the same L and the same random numbers, so one
    model per seed is trained for all of them.
    """

    Theta, View, shared_start = Stack, View, True

    def stacks(self, i, runs):
        """Stacks of as many runs as suit the device; in round 0, one stack of all runs."""
        due = [run for run in runs if self.log.rounds_done(run) == i]
        width = (at_once(self.device) if i else None) or max(1, len(due))
        for first in range(0, len(due), width):
            yield sorted(due[first : first + width], key=lambda run: run.label)

    def train(self, i, stack, L):
        """Lines 3-4; the data map is NaN for instances that are not watched."""
        if i or not self.shared_start:
            return self.train_watched(i, stack, L)
        seeds = list(dict.fromkeys(run.seed for run in stack))
        first = [[run.seed for run in stack].index(seed) for seed in seeds]
        theta, data_map = self.train_watched(0, [cal.Run("any", seed) for seed in seeds], L[first])
        mine = [seeds.index(run.seed) for run in stack]
        return theta.take(mine), datamap.DataMap(*(field[mine] for field in data_map))

    def train_watched(self, i, stack, L):
        """Train theta; watch all of L for strategies that read the map, otherwise the latest batch.

        (Fig. 4 needs the latest batch of every strategy.)
        """
        x, y, newest = self.x[L], self.y[L], max(self.s.seed_size, L.shape[1] - self.s.batch)
        groups = [(group, 0 if cal.reads_map(stack[group][0].strategy) else newest)
                  for group in cal.by_label(stack).values()]
        theta, probs = self.new_theta(i, stack), [[] for _ in groups]
        draws = self.draws(stack, i, "train")
        for order in theta.fit(x, y, self.s.epochs, self.s.minibatch, draws):
            for seen, (group, start) in zip(probs, groups):
                seen.append(self.watch(theta, x, group, start, order))
        unseen = torch.full(L.shape, torch.nan, dtype=torch.float64, device=self.device)
        whole = datamap.DataMap(*(unseen.clone() for _ in datamap.DataMap._fields))
        for seen, (group, start) in zip(probs, groups):
            part = datamap.data_map(torch.stack(seen), y[group, start:])
            for field, values in zip(whole, part):
                field[group, start:] = values
        return theta, whole

    def watch(self, theta, x, group, start, order):
        """Eq. (1)'s p_theta(e)(y | x) at the end of epoch e, dropout off: [runs, n, C].

        order [R, n]: the order in which the epoch used the instances (released/ needs it).
        """
        return theta.take(group).probs(x[group, start:])


def at_once(device):
    """How many runs train as one stack; None means all.

    A GPU trains all of them. A CPU core is fastest with as many as fit into its share of the cache:
    weights, gradients and AdamW's moments take 4.4 MB per run (docs/speed.md).
    """
    return 2 if device == "cpu" else None
