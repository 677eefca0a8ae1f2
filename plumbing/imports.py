"""Quicker imports: Python looks for garbage again and again while torch is imported, in vain."""

import gc


def begin():
    """Stop looking for garbage, until `done`."""
    gc.disable()


def done():
    """Look for garbage again, but never among what has been imported."""
    if not gc.isenabled():  # it is if another program has imported us, and `begin` was not called
        gc.freeze()
        gc.enable()
