"""For a sceptic: the scripts behind the numbers in docs/, each with its command in its docstring.
Nothing imports this room; add a study beside the others."""
