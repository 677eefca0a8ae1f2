"""What may be believed: probabilities, accuracy on the texts without a label, wrong labels.

All of it is worked out from scores of the labelled texts by models that have not seen them
(kernel.py, guesses.py). A label is taken to be right with probability 1 - e, else any other class
(Angluin & Laird 1988), so that a text's given label has the likelihood (1 - e) p_y +
e (1 - p_y) / (C - 1). p is a softmax of T times the scores (temperature scaling, Guo et al. 2017),
mixed with a softer one. If classes overlap, some texts lie where the model does not expect them,
and without the softer part e would take them for wrong labels. T and e are the likeliest pair.
"""

from dataclasses import dataclass

import numpy as np

TEMPERATURES = 100 ** (np.arange(-16, 47) / 46)  # from 0.2 to 100
SHARES = np.linspace(0, 0.5, 101)  # e: of the labels that are wrong
SOFT = 0.05  # the softer part's share of p, chosen on TREC, AG News and Debian
SOFTER = 3.0  # how many times lower its temperature scale is
DOUBT = 20  # labels' worth of belief that none is wrong: a Beta(1, 21) prior of e
SPREAD = 4.0  # the likelihood of e is taken to this power's inverse: texts are not independent
FEW = 20  # labels below which nothing is said
Z = 1.96
LOOKED = 10  # labels that people looked at again, from which on what they found counts
PRIOR = 2  # labels' worth of belief that the model's number is right
BLOCK = 65_536  # texts that are worked on together, to save memory
WIDEN = 1.15  # of standard errors: the temperature and lambda are fitted on the same texts


@dataclass
class Calibration:
    """temperature T; wrong: the share e of labels that are wrong, and its 95 % range low, high.

    ends: (e, T, soft) at both ends of that range, for each softer part that was tried.
    """

    temperature: float
    wrong: float = 0.0
    low: float = 0.0
    high: float = 0.0
    ends: tuple = ()

    def probs(self, scores):
        """p(y | x) of scores [N, C]."""
        out = np.empty_like(scores, dtype=np.result_type(scores, np.float32))
        for i in range(0, len(scores), BLOCK):
            out[i : i + BLOCK] = mixed(self.temperature, scores[i : i + BLOCK], SOFT)
        return out


def mixed(T, scores, soft):
    """(1 - soft) softmax(T scores) + soft softmax(T scores / SOFTER): [N, C]."""
    p = softmax(T * scores)
    p += soft * (softmax(T / SOFTER * scores) - p)
    return p


def softmax(z):
    """softmax over the last axis, in place: of a million texts z fills a quarter of a gigabyte."""
    z -= z.max(-1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(-1, keepdims=True)
    return z


def calibrate(left_out, y):
    """The Calibration of left-out scores [n, C] and given labels y [n].

    How large the softer part is cannot be told from so few labels. So the range of e joins those at
    none, SOFT and twice SOFT.
    """
    rows, C = np.arange(len(y)), left_out.shape[1]
    sharp, softer = (np.array([softmax(T / by * left_out)[rows, y] for T in TEMPERATURES])
                     for by in (1, SOFTER))  # [T, n]
    softs, ends = (SOFT, 0, 2 * SOFT), []
    every = [likelihood(sharp + soft * (softer - sharp), C) for soft in softs]  # [E, T] each
    e, T = np.unravel_index(every[0].argmax(), every[0].shape)
    for soft, values in zip(softs, every):
        near = np.flatnonzero(values.max(1) >= values.max() - SPREAD * Z**2 / 2)
        ends += [(float(SHARES[i]), float(TEMPERATURES[values[i].argmax()]), soft)
                 for i in (near[0], near[-1])]
    low, *_, high = sorted(e for e, _, _ in ends)
    return Calibration(float(TEMPERATURES[T]), float(SHARES[e]), low, high, tuple(ends))


def likelihood(given, C):
    """log P(the given labels) + log of the prior: [E, T]. given [T, n]: p of the given labels."""
    logs = np.array([np.log(seen(given, e, C).clip(1e-12)).sum(1) for e in SHARES])
    return logs + DOUBT * np.log1p(-SHARES)[:, None]


def seen(p, e, C):
    """The probability that a label is given whose class has probability p."""
    return (1 - e) * p + e * (1 - p) / (C - 1)


def wrong_labels(left_out, y, found):
    """P(the given label is wrong) [n], at found.wrong."""
    p = found.probs(left_out)[np.arange(len(y)), y]
    return posterior(p, found.wrong, left_out.shape[1])


def posterior(p, e, C):
    return 1 - (1 - e) * p / seen(p, e, C).clip(1e-12)


def wrong_range(left_out, y, found):
    """(how many labels are believed wrong, at least, at most): the sum of wrong_labels.

    The 95 % range joins what e and the softer part leave open and what chance does at given ones.
    """
    wrong, rows, C = wrong_labels(left_out, y, found), np.arange(len(y)), left_out.shape[1]
    about, chance = wrong.sum(), Z * np.sqrt((wrong * (1 - wrong)).sum())
    counts = [about, *(posterior(mixed(T, left_out, soft)[rows, y], e, C).sum()
                       for e, T, soft in found.ends)]
    return (about, max(0.0, about - np.hypot(about - min(counts), chance)),
            about + np.hypot(max(counts) - about, chance))


def at_most(left_out, y, found):
    """How many labels are wrong at most if some classes are often taken for one other.

    Such mistakes look right to a model that has learned them, so wrong_range misses most of them.
    Counted are the labels of texts that are as likely to be of another class as those labelled so
    are on average: Northcutt, Jiang & Chuang (2021), eq. (1), plus two standard deviations of a
    Poisson number. It is an upper bound, because classes that overlap are counted as well.
    """
    p, C = found.probs(left_out), left_out.shape[1]
    mean = np.array([p[y == c, c].mean() if (y == c).any() else np.inf for c in range(C)])
    best = np.where(p >= mean, p, -1)
    count = int(((best.argmax(1) != y) & (best.max(1) >= 0)).sum())
    return count + Z * np.sqrt(count)


def informed(believed, expected, changed, looked):
    """wrong_range's three numbers, when people looked at `looked` labels again and changed some,
    while the model expected to see so many of them changed.

    The number changed is taken to be Poisson, with a mean of f times what was expected. f has a
    Gamma prior of mean 1, so its posterior is Gamma(PRIOR + changed, PRIOR + expected) (Gelman et
    al. 2013, section 2.6); the range is two standard deviations of it, joined with the model's.
    """
    if looked < LOOKED:
        return believed
    about, low, high = believed
    f, error = ((PRIOR + changed) / (PRIOR + expected),
                Z * np.sqrt(PRIOR + changed) / (PRIOR + expected))
    return (f * about, max(0.0, f * about - np.hypot(f * (about - low), error * about)),
            f * about + np.hypot(f * (high - about), error * about))


def accuracy(best, left_out, y, sample, found, times=None):
    """(estimate, low, high) of the share of N rows whose likeliest class is theirs.

    A difference estimator (Sarndal, Swensson & Wretman 1992, section 6.3): the mean of `best` [N],
    max p of the rows, plus the mean of what the labelled texts in `sample` [n, bool] were right
    above their own max p. Their labels are right with probability 1 - e, which is allowed for.
    Upwards, the range joins the sample's error and that of e, as independent ones. Downwards it
    reaches to e = 0, because classes that overlap look like wrong labels. times: in how many rows
    each text stands, N in all (by default, once). The texts without a label are a draw as well,
    and their mean varies like that of (sum t)^2 / (sum t^2) texts (Kish 1965).
    """
    times = np.ones(len(best)) if times is None else np.asarray(times, float)
    drawn = (times**2).sum() / times.sum() ** 2
    said = left_out[sample]
    agree, C = said.argmax(1) == y[sample], left_out.shape[1]
    own, n = found.probs(said).max(1), len(said)

    def at(e):
        unit = max(1 - e - e / (C - 1), 0.1)  # how much of a right class shows in agreement
        left = (agree - seen(own, e, C)) / unit
        error = np.sqrt(max(left.var(ddof=1), 1 / (4 * n)) * (1 / n + drawn))
        return float(np.clip(best.mean() + left.mean(), 0, 1)), WIDEN * float(error)

    share, error = at(found.wrong)
    low, high = interval(share, error, n)
    above = max(0.0, at(found.high)[0] - share)
    return (share, min(low, interval(*at(0), n)[0]),
            min(1.0, share + float(np.hypot(high - share, above))))


def gain(y, left_out, places, halves, n, more):
    """(estimate, low, high): what `more` labels are expected to add to the accuracy.

    From models of half the labels to those of nearly all, the accuracy on texts that neither has
    seen rises by d per doubling; a learning curve is about straight in the logarithm of the number
    of labels (Figueroa et al. 2012), so more labels add d log2((n + more) / n). halves
    [m]: how often the former are right on the labelled texts `places` [m]. A single text says
    nothing, so the range is then all there is.
    """
    if len(places) < 2:
        return 0.0, 0.0, 1.0
    d = (left_out[places].argmax(1) == y[places]) - halves
    steps = np.log2((n + more) / n)
    error = WIDEN * Z * d.std(ddof=1) / np.sqrt(len(d))
    low, high = (max(0.0, (d.mean() + side) * steps) for side in (-error, error))
    return max(0.0, float(d.mean() * steps)), float(low), float(high)


def interval(share, error, n):
    """A 95 % range of a share with this standard error: Wilson's (1927), for as many texts as
    would have that error."""
    variance = share * (1 - share)
    n = max(1.0, min(variance / error**2, 1e9)) if variance > 1e-9 else float(n)
    w = Z**2 / n
    half = Z * np.sqrt(variance / n + w / (4 * n))
    low, high = (share + w / 2 - half) / (1 + w), (share + w / 2 + half) / (1 + w)
    return max(0.0, low), min(1.0, high)
