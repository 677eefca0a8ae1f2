"""For nobody in particular: files, downloads, locks, run files, random numbers, Ctrl-C.
The lowest floor: it imports no other room, and who reads the paper needs nothing of it."""
