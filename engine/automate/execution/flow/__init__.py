"""Flow control: how many runs of a workflow go at once, in which order, and how many events make one run."""
