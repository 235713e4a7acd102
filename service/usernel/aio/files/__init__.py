"""Files of bytes whose reads and writes are a ring's: what ``usernel.open`` opens.

What is cached or gathered in memory is done without suspending; all else is done by the workers of the loop's ring.
Not there yet: text files, temporary files, standard streams, ``detach``, and ``read_file``, ``write_file`` and
``copy_file`` as chains. A buffer's size cannot be chosen: a ``buffering`` above 0 is as -1.
"""
