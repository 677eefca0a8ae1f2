"""For data.py: your own table, as people save tables, and the labels that were filled in for it.
To read another file format, add it to records.py."""
