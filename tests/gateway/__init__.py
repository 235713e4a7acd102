"""``usernel run``: programs that know nothing of usernel, and what they make of it."""
