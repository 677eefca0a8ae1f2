"""For all other folders: files, downloads, locks, run files, random numbers, Ctrl-C.
It imports no other folder, and a reader of the paper can ignore it."""
