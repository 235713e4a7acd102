"""The user side of a ring: descriptors, workers, event loops, files."""
