"""The demo corpus with planted truth: the grammar in make.py, the questions in a CSV."""
