"""The kernel in process: replay by seed, time in a test's hands, faults."""
