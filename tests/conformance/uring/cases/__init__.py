"""The cases, in modules by subject. What each must come to is in the golden file of its module."""
