"""The numbers, compared with the headers of the host."""
