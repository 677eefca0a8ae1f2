"""For a team with a table: the next texts to label, labels to doubt, predictions, when to stop.
This is a separate product on top of the five modules. You may change its wording and thresholds."""
