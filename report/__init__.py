"""For whoever looks at results: report.md with its tables, figures and the paper's claims, judged.
Reads run files, trains nothing. Another section is a function in sections.py."""
