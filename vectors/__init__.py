"""For data.py: the sources of word vectors and text vectors, and the cache of the texts' matrix.
To add a source of vectors, add it to sources.py."""
