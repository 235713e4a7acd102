"""The ``usernel`` command, in processes of its own against a service in another."""
