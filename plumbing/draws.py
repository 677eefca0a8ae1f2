"""Random numbers for many runs side by side: the same for all runs of one seed."""

import contextlib
import zlib

import numpy as np
import torch


class Draws:
    """Random numbers for R runs, the same for all runs of one seed.

    These are common random numbers: runs of one seed share initial weights, mini-batch order and
    dropout masks, so that two strategies differ in nothing else. A generator depends only on (seed,
    purpose). So a run's numbers do not depend on the runs beside it, and a resumed round replays
    nothing. seeds: one per run. Draws have the shape [1, ...] if all seeds are equal (they
    broadcast), otherwise [R, ...].
    """

    def __init__(self, seeds, *purpose, device="cpu"):
        distinct = sorted(set(seeds))
        self.owner = torch.tensor([distinct.index(s) for s in seeds], device=device)
        self.device = device
        tags = [p if isinstance(p, int) else zlib.crc32(p.encode()) for p in purpose]
        state = [np.random.SeedSequence([seed, *tags]).generate_state(2) for seed in distinct]
        self.generators = [
            torch.Generator(device).manual_seed(int(a) << 31 ^ int(b)) for a, b in state
        ]

    def _each(self, draw):
        if len(self.generators) == 1:
            return draw(self.generators[0])[None]
        return torch.stack([draw(g) for g in self.generators])[self.owner]

    def uniform(self, *shape):
        """[1 or R, *shape] float32 in [0, 1)."""
        return self._each(lambda g: torch.rand(shape, generator=g, device=self.device,
                                               dtype=torch.float32))

    def permutation(self, n):
        """[1 or R, n]: an order of n instances."""
        return self._each(lambda g: torch.randperm(n, generator=g, device=self.device))

    def numbers(self):
        """One whole number per run: seeds for torch's own generator (see `seeded`)."""
        drawn = self._each(lambda g: torch.randint(2**62, (), generator=g, device=self.device))
        return drawn.expand(len(self.owner)).tolist()

    def dropout(self, n, width, p):
        """[1 or R, n, width] float32: 0 with probability p, otherwise 1 / (1 - p)."""
        def draw(g):
            words = torch.empty((n * width + 3) // 4, dtype=torch.int64, device=self.device)
            # For speed: drawing bits takes most of the time, so a 64-bit word serves four entries.
            bits = words.random_(-(2**63), None, generator=g).view(torch.int16)
            keep = torch.empty(n * width, device=self.device, dtype=torch.float32)
            torch.ge(bits[: n * width], round(p * 2**16) - 2**15, out=keep)
            return keep.div_(1 - p).view(n, width)

        return self._each(draw)


@contextlib.contextmanager
def seeded(number, device="cpu"):
    """Seed torch's own generator, which torch.nn uses, and restore its state at the end."""
    cpu = str(device) == "cpu"
    # For speed: torch.manual_seed would leave a call, with a traceback, for every GPU.
    seed = torch.default_generator.manual_seed if cpu else torch.manual_seed
    with torch.random.fork_rng([] if cpu else [device]):
        seed(number)
        yield
