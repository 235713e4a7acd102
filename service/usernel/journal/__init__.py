"""Ordered durable bytes. What a journal keeps it does not understand.

``port.py`` says what the runtime needs: a ``Journal``, which is told of facts and tells how far they are durable, and
beneath it a ``Storage``, synchronous, which is handed one record per group commit. ``memory.py`` keeps nothing,
``sqlite.py`` is the embedded default: a directory (``directory.py``) with one database, one row a record.
``reading.py`` reads it with every checksum checked, ``copying.py`` makes backups and repairs of what was read.
"""
