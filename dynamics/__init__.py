"""For whoever has a model of their own: its training dynamics, epoch by epoch, become a data map.
`python -m dynamics FOLDER` reads them, from files such as allenai/cartography writes; writing.py
writes such files. docs/dynamics.md tells how."""

from plumbing.interrupt import on_interrupt_of_a_module

on_interrupt_of_a_module()  # before the imports that take seconds
