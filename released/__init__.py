"""For a reproducer: what the authors' released code does otherwise, one class per difference.
A row may be added to ROWS in protocols.py; those there are facts (docs/released-code.md)."""
