"""Below data.py: a table of your own as people save them, and the labels that were filled in.
Only reads. Another file format is added in records.py."""
