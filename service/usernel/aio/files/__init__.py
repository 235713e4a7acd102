"""Files whose reads and writes are a ring's: what ``usernel.open`` opens, bytes or text.

What is cached or gathered in memory is done without suspending; all else is done by the workers of the loop's ring.
Not there yet: temporary files, standard streams, ``detach``, and ``read_file``, ``write_file`` and ``copy_file`` as
chains. A buffer's size cannot be chosen: a ``buffering`` above 1 is as -1. A position in text may be another number
than Python's for the same place, where a block ends elsewhere; either understands the other's.
"""
