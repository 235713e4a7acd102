"""The ``usernel`` command."""
