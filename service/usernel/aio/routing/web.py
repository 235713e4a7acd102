"""Methods of web libraries that look at files and are handed to threads whole: aiohttp's and Starlette's.

They are known by where their code is, and nothing is imported for that. Each is called at once where the dentry cache
tells of all paths that it looks at; a worker calls it where not, or where the method has other attributes than it has
today.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import CodeType, MethodType
from typing import Any, Final

from .outcome import LATER, InFile
from .reading import Args, Named
from .sight import Sight

WebHandler = Callable[[Sight, Any, Any, Args, Named], Any]
ENCODINGS: Final = ((".br", "br"), (".gz", "gzip"))
"""What may lie beside a file, where the client takes it. (Nobody asks for what it does not: that stays uncached.)"""


def file_response(sight: Sight, response: Any, target: Any, args: Args, named: Named) -> Any:
    """The FileResponse of aiohttp, which finds its file, or a compressed one beside it, and opens it."""
    helper = getattr(type(response), "_get_file_path_stat_encoding", None)
    path = getattr(response, "_path", None)
    if len(args) != 2 or named or type(args[1]) is not str or not isinstance(path, Path):
        return LATER
    if helper is None or _place(helper.__code__.co_filename, "")[0] != AIOHTTP_RESPONSE:
        return LATER
    beside = tuple(path.with_suffix(path.suffix + end) for end, encoding in ENCODINGS if encoding in args[1])
    return target(*args) if _regular(sight, path) and sight.told(beside) else LATER


def static_resource(sight: Sight, _resource: Any, target: Any, args: Args, named: Named) -> Any:
    """The static resource of aiohttp, which resolves a path. What is in a directory is listed by a worker."""
    return target(*args) if len(args) == 1 and not named and _no_directory(sight, args[0]) else LATER


def seek_and_read(sight: Sight, _response: Any, target: Any, args: Args, named: Named) -> Any:
    """The same where it cannot sendfile: it seeks and reads."""
    if len(args) != 3 or named:
        return LATER
    file, offset, size = args
    seen = sight.file(file)
    if seen is None:
        return LATER
    if not seen.readable or seen.busy[0] or type(offset) is not int or type(size) is not int:
        return InFile(seen)
    seen.left = 0
    whole = -(-size // seen.block) * seen.block
    return target(*args) if offset >= 0 and sight.ahead(seen.fd, whole, offset) is not None else InFile(seen)


def lookup_path(sight: Sight, files: Any, target: Any, args: Args, named: Named) -> Any:
    """Starlette's StaticFiles, which looks for a path in its directories."""
    places = getattr(files, "all_directories", None)
    if len(args) != 1 or named or type(args[0]) is not str or not isinstance(places, list):
        return LATER
    paths = tuple(os.fspath(place) for place in places)
    paths += tuple(os.path.join(path, args[0]) for path in paths)  # noqa: PTH118 - as it does, of strings
    return target(*args) if sight.told(paths) else LATER


def _regular(sight: Sight, path: Any) -> bool:
    """Whether it is cached that it is a regular file, or nothing: what opens it then waits for nobody."""
    try:
        found = sight.status(path)
    except OSError:
        return True
    return found is not None and S_ISREG(found.st_mode)


def _no_directory(sight: Sight, path: Any) -> bool:
    try:
        found = sight.status(path)
    except OSError:
        return True
    return found is not None and not S_ISDIR(found.st_mode)


AIOHTTP_RESPONSE: Final = "aiohttp/web_fileresponse.py"
KNOWN: Final[Mapping[tuple[str, str], WebHandler]] = {
    (AIOHTTP_RESPONSE, "FileResponse._make_response"): file_response,
    (AIOHTTP_RESPONSE, "FileResponse._seek_and_read"): seek_and_read,
    ("aiohttp/web_urldispatcher.py", "StaticResource._resolve_path_to_response"): static_resource,
    ("starlette/staticfiles.py", "StaticFiles.lookup_path"): lookup_path,
}
"""By the end of the code's path, and the qualified name."""


@lru_cache(1024)
def _place(filename: str, qualname: str) -> tuple[str, str]:
    return "/".join(filename.split("/")[-2:]), qualname


NAMES: Final = frozenset(name for _file, name in KNOWN)


def known(method: MethodType) -> WebHandler | None:
    """What tries a method of these; None for another."""
    code = getattr(method.__func__, "__code__", None)
    if type(code) is not CodeType or code.co_qualname not in NAMES:
        return None
    return KNOWN.get(_place(code.co_filename, code.co_qualname))
