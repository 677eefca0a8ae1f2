"""For a team with a table: the next texts to label, labels to doubt, predictions, when to stop.
A separate product on top of the five modules. Its wording and thresholds may be changed freely."""
