"""The table of rows: what arguments are made of, and that no row answers what it does not list."""
