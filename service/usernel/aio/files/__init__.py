"""Files whose reads and writes are a ring's: what ``usernel.open`` opens, bytes or text.

What is cached or gathered in memory is done without suspending; all else is done by the workers of the loop's ring.
A position in text may be another number than Python's for the same place, where a block ends elsewhere; either
understands the other's. ``write_through`` changes nothing: what is written is gathered.
"""
