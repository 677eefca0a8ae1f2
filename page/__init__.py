"""For whoever wants to explore: a page in one file with its data inside, which needs no network.
It is explore.html with guide.js in it. explore.py adds the data; border.py keeps a part of it."""
