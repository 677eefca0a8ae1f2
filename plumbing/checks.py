"""Checks that labels and networks are what a model needs; one sentence if they are not."""

from torch.nn.modules.dropout import _DropoutNd

from plumbing.files import InputError


def check_labels(y, C):
    """Raise ValueError unless all labels y are class numbers 0 ... C - 1."""
    low, high = (y.min().item(), y.max().item()) if y.numel() else (0, 0)
    if not 0 <= low <= high < C:
        raise ValueError(f"labels must be class numbers from 0 to {C - 1}, but these go from"
                         f" {low} to {high}")


def check_network(network):
    """The network, if it has what datamap.Models needs; otherwise an InputError."""
    for name in ("psi", "out"):
        if not callable(getattr(network, name, None)):
            raise InputError(f"the network {type(network).__name__} has no `{name}`; give it"
                             " psi(x) -> [n, width] and out(psi) -> logits [n, C]")
    return network


def dropouts_of(network):
    """A network's dropout modules; an InputError if it has none."""
    found = [m for m in network.modules() if isinstance(m, _DropoutNd) and m.p]
    if not found:
        raise InputError(f"BALD needs dropout, and the network {type(network).__name__} has no"
                         " torch.nn.Dropout with p > 0; add one, or leave bald out of the"
                         " strategies")
    return found
