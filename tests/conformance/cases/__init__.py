"""The cases, in groups by subject. What each must come to is in the golden file of its group."""
