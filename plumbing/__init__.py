"""Plumbing: files, downloads, word vectors, run files, processes, options.

Imports none of the five modules at the top; whoever reads the paper needs nothing of it.
"""
