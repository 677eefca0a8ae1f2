"""For whoever wants to explore: a page in one file with its data inside, which needs no network.
The page is explore.html, and explore.py adds the data."""
