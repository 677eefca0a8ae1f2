"""For a sceptic: the scripts that gave the numbers in docs/. Each docstring has the command.
Nothing imports this room. To add a study, add a file. check.py checks docs/exercises.md's answers.
"""
