"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
import pydantic
from aiohttp import web

from usernel.abi.errno import Errno, strerror
from usernel.journal.port import JournalError
from usernel.kernel.error import KernelError
from usernel.syscalls.kinds import BadArgument

log = logging.getLogger(__name__)

STATUS_OF: Final[Mapping[Errno, int]] = {
    Errno[name]: status
    for status, names in {
        403: "EPERM EACCES EXDEV ELOOP EROFS",
        404: "ENOENT ENXIO ESRCH",
        408: "ETIMEDOUT",
        409: "EEXIST EBUSY EAGAIN ENOMSG ENOTEMPTY",
        410: "EIDRM",
        413: "E2BIG EMSGSIZE EFBIG",
        429: "ENOMEM EMFILE ENFILE ENOSPC EDQUOT",
        499: "EINTR",
        500: "EIO",
        501: "ENOSYS EOPNOTSUPP",
    }.items()
    for name in names.split()
}
ANY_OTHER_ERRNO: Final = 422
NOT_KEPT: Final = "whether this was done is not certain: nothing is acknowledged"
CONTENT_TYPE: Final = "application/problem+json"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """A request that cannot be: a protocol error, which the kernel never sees."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


def errno_status(errno: Errno) -> int:
    """The HTTP status of an errno."""
    return STATUS_OF.get(errno, ANY_OTHER_ERRNO)


def problem(
    status: int, detail: str, errno: Errno | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A problem document; with ``errno`` where the program's call ended with one."""
    title = strerror(errno) if errno is not None else _phrase(status)
    shown = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errno is not None:
        shown |= {"errno": int(errno), "errno_name": errno.name}
    body = msgspec.json.encode(shown)
    return web.Response(body=body, status=status, content_type=CONTENT_TYPE, headers=headers)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into a problem document. What nobody foresaw is a bug: logged whole, 500."""
    try:
        return await handler(request)
    except KernelError as error:
        return problem(errno_status(error.number), error.why, error.number)
    except TimeoutError as error:
        return problem(408, str(error), Errno.ETIMEDOUT)
    except JournalError as error:
        return problem(503, f"{NOT_KEPT}: {error}")
    except Problem as error:
        return problem(error.status, error.detail, headers=error.headers)
    except BadArgument as error:
        return problem(400, str(error))
    except pydantic.ValidationError as error:
        return problem(400, _where(error))
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        return problem(error.status, error.text or error.reason, headers=allow)
    except web.RequestPayloadError as error:
        return problem(400, f"the body cannot be read: {error}")
    except ConnectionError:
        raise
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return problem(500, "a bug in usernel; its log has the details")


def _where(error: pydantic.ValidationError) -> str:
    """The first thing that is wrong, and where."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])
