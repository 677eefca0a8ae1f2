"""Below data.py: where word vectors and text vectors come from, and the matrix that is kept.
Another source of vectors is added in sources.py."""
