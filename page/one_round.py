"""One round of Cartography Active Learning, from the words to the fifty picks, as a notebook.

    python -m page.one_round        # some seconds; an editor that knows `# %%` shows it as cells

It is round 0 of the run that docs/read.html shows (the demo, CAL, seed 1, 300 labels): the same
numbers, printed, from plain calls of data.py and datamap.py. Change a line and see what changes.
"""

import torch

import data
import datamap
from plumbing.draws import Draws

SEED, SEED_SIZE, EPOCHS, MINIBATCH, T_COR, K = 1, 300, 30, 16, 0.2, 50

# %% the texts as vectors, and L: line 1 of Algorithm 1. R = 1 run, so shapes begin with 1.
torch.set_num_threads(1)
demo = data.load("demo")
x, y = torch.as_tensor(demo.x), torch.as_tensor(demo.y)
L = torch.as_tensor(data.seed_set(demo.y, SEED_SIZE, SEED))
U = torch.ones(len(x), dtype=torch.bool)
U[L] = False
print(f"{len(x):,} texts as vectors of {x.shape[1]} numbers; L has {len(L)}, U {int(U.sum()):,}")

# %% line 3: train theta on L, and ask it about every text of L after each epoch
theta = datamap.Models(x.shape[1], len(demo.classes), [SEED], 0)
print(theta.networks[0])
probs = []
for _epoch in theta.fit(x[L][None], y[L][None], EPOCHS, MINIBATCH, Draws([SEED], 0, "train")):
    probs.append(theta.probs(x[L][None]))                                  # [1, |L|, C]
p = torch.stack(probs)                                                     # [E, 1, |L|, C]
p_gold = p[:, 0].gather(-1, y[L].expand(EPOCHS, -1)[..., None])[..., 0]    # [E, |L|]
print(f"mean p of the gold label: {p_gold[0].mean():.2f} after the first epoch,"
      f" {p_gold[-1].mean():.2f} after the last")

# %% line 4: the data map of L (Eqs. 1-3), by hand; datamap.data_map does the same
mu, sigma = p_gold.mean(0), p_gold.std(0, correction=0)
phi = (p[:, 0].argmax(-1) == y[L]).double().sum(0) / EPOCHS
for name, i in (("highest", mu.argmax()), ("lowest", mu.argmin())):
    print(f"{name} confidence: {demo.texts[L[i]]!r}, label {demo.classes[y[L[i]]]}:"
          f" mu {mu[i]:.3f}, sigma {sigma[i]:.3f}, phi {phi[i]:.3f}")

# %% line 5: low-cor or high-cor, and the second classifier theta' that learns it from Psi
high = (phi > T_COR).long()
psi_L, psi_all = theta.psi(x[L][None]), theta.psi(x[None])                 # [1, n, 300]
binary = datamap.Models(psi_L.shape[-1], 2, [SEED], 0, "binary", hidden=(300,), dropout=0, lr=5e-5)
for _epoch in binary.fit(psi_L, high[None], EPOCHS, MINIBATCH, Draws([SEED], 0, "binary")):
    pass
p_high = binary.probs(psi_all)[0, :, 1]                                    # [N]
print(f"{int((high == 0).sum())} of {len(L)} labelled texts are low-cor;"
      f" P(high-cor) in U: {p_high[U].min():.2f} to {p_high[U].max():.2f}")

# %% lines 6-10: the fifty texts of U that are nearest to the border at 0.5
away = (0.5 - p_high).abs().masked_fill(~U, torch.inf)
picked = away.argsort(stable=True)[:K]
print("picked:", *picked.tolist())
for row in picked[:6].tolist():
    print(f"  P(high-cor) {p_high[row]:.3f}  {demo.texts[row]}  ({demo.classes[y[row]]})")
