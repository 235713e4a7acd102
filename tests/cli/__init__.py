"""The ``usernel`` command, in this process where it can be and in processes of its own where it must."""
