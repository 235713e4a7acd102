"""The one module that wires the layers: a kernel, its journal, its runtime, the application, the listeners."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import web

from usernel.config import ConfigError, Settings
from usernel.http.app import make_app
from usernel.http.keys import SOCKETS
from usernel.http.limits import Limits
from usernel.journal.directory import DataDirectory
from usernel.journal.memory import MemoryJournal
from usernel.journal.port import JournalDamagedError, JournalError
from usernel.journal.sqlite import SqliteStorage
from usernel.kernel import facts
from usernel.kernel.kernel import Kernel
from usernel.runtime import Keeper, Progress, Runtime
from usernel.version import __version__

log = logging.getLogger(__name__)

STOP_SECONDS = 3.0
SNAPSHOT_SECONDS = 5.0
"""How long a service that stops works on its last snapshot: with the above, it is gone within 10 s."""
SOCKET_MODE = 0o666
"""Of a Unix socket: everybody may connect, and is there what the kernel says who they are."""
GC_THRESHOLD = 50_000
"""Allocations between collections: queues full of messages are not garbage, and are looked at less often."""
OVERLOADED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Service:
    """A service that accepts connections. ``url`` is where."""

    url: str
    runtime: Runtime
    app: web.Application


class _Refusal(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say so, and close."""
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(OVERLOADED)
        transport.close()


class _Admission(asyncio.Protocol):
    """Decides when a connection is made: those that come together are counted one by one."""

    def __init__(self, server: web.Server, limits: Limits) -> None:
        self._server = server
        self._most = limits.connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the connection on to the server, or refuse it."""
        protocol = self._server() if len(self._server.connections) < self._most else _Refusal()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


@asynccontextmanager
async def service(settings: Settings, limits: Limits | None = None) -> AsyncIterator[Service]:
    """A running service, until the context ends. ``ConfigError`` where it cannot listen, or has no journal to keep.

    While the journal is replayed it listens already, and tells whoever asks how far it is.
    """
    settings = settings.check()
    limits = limits or Limits()
    kernel = Kernel(time.time_ns(), time.monotonic_ns(), ephemeral=settings.data_dir is None)
    async with AsyncExitStack() as stack:
        keeper = None if settings.data_dir is None else await _keeper(stack, settings.data_dir)
        runtime = Runtime(kernel, MemoryJournal() if keeper is None else keeper.commit)
        if keeper is not None:
            runtime.recovery = Progress()
        app = make_app(runtime, settings, limits)
        url = await _serving(stack, runtime, app, settings, limits)
        log.info("started", extra={"version": __version__, "url": url, "data_dir": settings.data_dir})
        if keeper is not None:
            await _recover(keeper, runtime, settings)
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD)
        yield Service(url, runtime, app)


async def _keeper(stack: AsyncExitStack, data_dir: str) -> Keeper:
    """The journal of a data directory, closed with the service. ``ConfigError`` where it cannot be opened."""
    try:
        keeper = Keeper(SqliteStorage(DataDirectory(Path(data_dir)), facts.VERSION))
    except JournalError as error:
        raise ConfigError(_journal_reason(data_dir, error)) from None
    stack.push_async_callback(keeper.close, SNAPSHOT_SECONDS)
    return keeper


async def _recover(keeper: Keeper, runtime: Runtime, settings: Settings) -> None:
    try:
        await keeper.recover(runtime, settings.snapshot_bytes)
    except JournalDamagedError as error:
        raise ConfigError(_journal_reason(str(settings.data_dir), error)) from None


def _journal_reason(data_dir: str, error: JournalError) -> str:
    if isinstance(error, JournalDamagedError):
        return f"{error}; `usernel journal repair --data-dir {data_dir}` recovers what is good of it"
    return f"{error}; --data-dir names another place, --ephemeral does without"


async def _serving(
    stack: AsyncExitStack, runtime: Runtime, app: web.Application, settings: Settings, limits: Limits
) -> str:
    """Answer requests until the stack ends; the URL of the first listener."""
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=STOP_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    stack.push_async_callback(app[SOCKETS].close)
    stack.callback(runtime.close)
    listeners: list[asyncio.Server] = []
    stack.callback(_close_all, listeners)
    return await _listen(settings, runner, limits, listeners)


async def _listen(settings: Settings, runner: web.AppRunner, limits: Limits, listeners: list[asyncio.Server]) -> str:
    """Open the listeners; the URL of the first."""
    loop = asyncio.get_running_loop()
    assert runner.server is not None  # noqa: S101 - it was set up
    admit = partial(_Admission, runner.server, limits)
    urls: list[str] = []
    if settings.host is not None:
        try:
            tcp = await loop.create_server(admit, settings.host, settings.port, reuse_address=True)
        except OSError as error:
            raise ConfigError(f"cannot listen on {settings.host}:{settings.port}: {_reason(error)}") from None
        listeners.append(tcp)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        urls.append(f"http://{host}:{tcp.sockets[0].getsockname()[1]}")
    if settings.uds is not None:
        listeners.append(await _listen_uds(loop, admit, settings.uds))
        urls.append(f"unix://{settings.uds}")
    if not urls:
        raise ConfigError("there is nothing to listen on: give a host or --uds")
    return urls[0]


async def _listen_uds(
    loop: asyncio.AbstractEventLoop, admit: Callable[[], asyncio.BaseProtocol], path: str
) -> asyncio.Server:
    """Listen on a Unix socket that whoever may reach its directory may use: the peer's ids are its credentials."""
    _remove_stale(path)
    try:
        listener = await loop.create_unix_server(admit, path)
    except OSError as error:
        raise ConfigError(f"cannot listen on {path}: {_reason(error)}") from None
    os.chmod(path, SOCKET_MODE)  # noqa: PTH101 - a system call, done before anybody waits for the loop
    return listener


def _remove_stale(path: str) -> None:
    """Remove the socket of a service that is gone. ``ConfigError`` where one answers, or where no socket is."""
    if not Path(path).exists():
        return
    if not Path(path).is_socket():
        raise ConfigError(f"{path} exists and is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex(path) == 0:
            raise ConfigError(f"another service listens on {path}")
    Path(path).unlink(missing_ok=True)


def _close_all(listeners: list[asyncio.Server]) -> None:
    for listener in listeners:
        _close(listener)


def _close(listener: asyncio.Server) -> None:
    """Close a listener, and remove the Unix socket that it made: never one that is somebody else's."""
    paths = [made.getsockname() for made in listener.sockets if made.family == socket.AF_UNIX]
    listener.close()
    for path in paths:
        Path(path).unlink(missing_ok=True)


def _reason(error: OSError) -> str:
    """Why the kernel refuses, without the loop's words around it; a resolver's errors have negative numbers."""
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else error.strerror or str(error)


async def serve(settings: Settings, ready: Callable[[Service], None]) -> None:
    """Run a service until SIGTERM or SIGINT; ``ready`` is called when it accepts connections."""
    loop = asyncio.get_running_loop()
    stop = _Stop()
    for signo in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signo, stop.on_signal, signo)
    try:
        async with service(settings) as running:
            stop.starting = None
            ready(running)
            await stop.asked.wait()
    except asyncio.CancelledError:
        if not stop.asked.is_set():
            raise
    log.info("stopped", extra={"seconds": round(time.monotonic() - stop.since, 3)})


class _Stop:
    """A service is asked to stop: ``asked``, ``since`` when; ``starting`` is the task that starts it until then."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.since = 0.0
        self.starting = asyncio.current_task()

    def on_signal(self, signo: signal.Signals) -> None:
        """Ask for it."""
        if not self.asked.is_set():
            self.since = time.monotonic()
        log.info("stopping", extra={"signal": signo.name})
        self.asked.set()
        if self.starting is not None:
            self.starting.cancel()  # a replay may take long, and nobody needs it any more
