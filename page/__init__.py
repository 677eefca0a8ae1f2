"""For whoever wants to play: explore.html, one file that needs no network, with its data inside.
The page is explore.html; explore.py puts the data in."""
