"""Special judges: programs of the data set's that say whether an output is right, each run in a box of its own."""
