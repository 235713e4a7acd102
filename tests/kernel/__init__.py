"""The model by itself: facts, waiting, tasks, limits. What its calls mean is compared with Linux in conformance/."""
