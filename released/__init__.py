"""For a reproducer: the authors' released code, with one class per difference from the paper.
You may add a row to ROWS in protocols.py; its present rows are facts (docs/released-code.md)."""
