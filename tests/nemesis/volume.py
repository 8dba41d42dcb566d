"""A volume whose power can be cut: an ext4 image on a loop device, shut down without flushing its log."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from pathlib import Path

from .processes import until

# EXT4_IOC_SHUTDOWN is _IOR('X', 125, __u32); what was not synced is gone, journal included.
EXT4_IOC_SHUTDOWN = 0x8004587D
WITHOUT_LOG_FLUSH = 2
IMAGE_BYTES = 6 << 30


class Volume:
    """An ext4 file system of its own under `mount`. Needs root."""

    def __init__(self, directory: Path) -> None:
        self._image = directory / "volume.ext4"
        self.mount = directory / "volume"

    def create(self) -> str | None:
        """Makes and mounts it; where that is not possible, says why."""
        if os.geteuid() != 0:
            return "power cuts need root"
        path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
        for program in ("mkfs.ext4", "mount", "umount"):
            if shutil.which(program, path=path) is None:
                return f"the program {program} is missing"
        with self._image.open("wb") as image:
            image.truncate(IMAGE_BYTES)
        self.mount.mkdir()
        made = _run(["mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", str(self._image)])
        if made is None:
            made = self._mount()
        return made

    def _mount(self) -> str | None:
        failed = _run(["mount", "-o", "loop", str(self._image), str(self.mount)])
        if failed is None:
            self.mount.chmod(0o711)
        return failed

    def cut_power(self) -> None:
        """From this moment nothing that was not synced before is on the disk."""
        descriptor = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", WITHOUT_LOG_FLUSH))
        finally:
            os.close(descriptor)

    async def unmount(self) -> None:
        """Unmounts it when the last process has let go of it."""
        await until(lambda: not os.path.ismount(self.mount) or _run(["umount", str(self.mount)]) is None, 20, "umount")

    async def power_on(self) -> None:
        """Mounts it again: the journal is replayed as after any crash."""
        await self.unmount()
        if failed := self._mount():
            raise OSError(f"the volume cannot be mounted again: {failed}")

    async def remove(self) -> None:
        await self.unmount()
        self._image.unlink(missing_ok=True)


def _run(argv: list[str]) -> str | None:
    """Runs a program; gives what went wrong, if something did."""
    environment = {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C"}
    done = subprocess.run(argv, capture_output=True, env=environment, check=False)
    if done.returncode == 0:
        return None
    return f"{argv[0]}: {done.stderr.decode(errors='replace').strip() or done.returncode}"
