"""A page to play with: explore.html, one file with everything in it."""
