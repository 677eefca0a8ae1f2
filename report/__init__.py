"""For whoever reads results: report.md, with tables, figures and verdicts on the paper's claims.
It reads run files and trains nothing. To add a section, add a function to sections.py."""

from plumbing.interrupt import on_interrupt_of_a_module

on_interrupt_of_a_module()  # before the imports that take seconds
