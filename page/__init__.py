"""For whoever wants to explore: a page in one file with its data inside, which needs no network.
It is explore.html with guide.js, labels.js, earlier.js, one_text.js and keys.js in it. explore.py
adds the data; border.py keeps a part of it.

read.py writes docs/read.html, the paper beside its code beside what it held in a run."""

from plumbing.interrupt import on_interrupt_of_a_module

on_interrupt_of_a_module()  # before the imports that take seconds
