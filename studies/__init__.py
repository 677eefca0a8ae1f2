"""For a sceptic: the scripts that gave the numbers in docs/. Each docstring has the command.
Nothing imports this room. To add a study, add a file. check.py checks docs/exercises.md's answers.
"""

from plumbing.interrupt import on_interrupt_of_a_module

on_interrupt_of_a_module()  # before the imports that take seconds
