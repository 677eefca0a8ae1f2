"""The report: reads run files only, trains nothing."""
