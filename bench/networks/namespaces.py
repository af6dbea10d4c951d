"""Network namespaces and TUN devices that live as long as what made them.

Lives here: `Namespace`, `why_impossible`.
Not here: what goes between two devices (`wire`), addresses of the table (`scenarios`).
Spec: network_namespaces(7), Linux's Documentation/networking/tuntap.rst.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

T = TypeVar("T")

TUN: Final = Path("/dev/net/tun")
TUNSETIFF: Final = 0x400454CA
IFF_TUN: Final = 0x0001
IFF_NO_PI: Final = 0x1000
CLONE_NEWNET: Final = 0x40000000
STOP_S: Final = 10.0


def why_impossible() -> str:
    """Why this machine has no namespaces and devices for us; "" if it has."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not TUN.exists():
        return f"there is no {TUN}"
    if missing := [tool for tool in ("ip", "unshare", "nsenter") if shutil.which(tool) is None]:
        return f"not installed: {', '.join(missing)}"
    try:
        with Namespace() as found:
            os.close(found.within(_open_tun, "try"))
    except (OSError, RuntimeError, subprocess.CalledProcessError) as e:
        return f"no namespace with a TUN device can be made: {e}"
    return ""


class Namespace:
    """A network namespace of its own, with its loopback up. It ends with the block, at the latest with this process."""

    def __init__(self) -> None:
        self._all = ExitStack()

    def __enter__(self) -> Self:
        # It waits on our pipe, so it ends when we do, however we end.
        self._keeper = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up && echo up && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._all.callback(self._end)
        assert self._keeper.stdout is not None
        if self._keeper.stdout.readline() != b"up\n":
            self._all.close()
            raise RuntimeError("no network namespace could be made")
        # Packets that nobody here sent would take chances that are meant for others.
        self.within(Path("/proc/sys/net/ipv6/conf/all/disable_ipv6").write_text, "1")
        self.within(Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text, "1")
        self.within(Path("/proc/sys/net/ipv4/conf/all/promote_secondaries").write_text, "1")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.close()

    def _end(self) -> None:
        assert self._keeper.stdin is not None and self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(STOP_S)
        self._keeper.stdout.close()

    @property
    def words(self) -> tuple[str, ...]:
        """What comes before a command so that it runs in here."""
        return ("nsenter", f"--net=/proc/{self._keeper.pid}/ns/net", "--")

    def ip(self, *words: str) -> None:
        """Run ip(8) in here."""
        subprocess.run([*self.words, "ip", *words], check=True)

    def within(self, act: Callable[..., T], *given: object) -> T:
        """What `act(*given)` returns when a thread in here calls it. A socket stays where it was made."""
        result: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                with Path(f"/proc/{self._keeper.pid}/ns/net").open("rb") as entry:
                    # os.setns comes with Python 3.12.
                    if ctypes.CDLL(None, use_errno=True).setns(entry.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                result.append(act(*given))
            except BaseException as e:  # noqa: BLE001 - raised in the caller's thread
                failed.append(e)

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
        if failed:
            raise failed[0]
        return result[0]

    def device(self, name: str, address: str) -> int:
        """A TUN device in here, up, with an address (CIDR); its file, which reads and writes whole IP packets.

        The device ends when its file is closed: with the namespace, or earlier by the caller.
        """
        file = self.within(_open_tun, name)
        self.ip("address", "add", address, "dev", name)
        self.ip("link", "set", name, "up")
        return file


def _open_tun(name: str) -> int:
    file = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    except OSError:
        os.close(file)
        raise
    return file
