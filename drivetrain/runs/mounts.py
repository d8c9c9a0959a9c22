"""Which kind of file system a folder is on, as the kernel's list of mounts tells."""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
NETWORKED = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.ceph",
        "fuse.glusterfs",
        "fuse.sshfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "nfs",
        "nfs4",
        "smb3",
        "virtiofs",
    }
)
"""Kinds that other machines may share, where neither SQLite's log nor its locks can be trusted
(sqlite.org/wal.html, sqlite.org/faq.html#q5)."""
_OCTAL = re.compile(r"\\([0-7]{3})")


def is_networked(path: Path, mounts: str | None = None) -> bool:
    """Whether other machines may share this folder, there or not; False where nobody knows.

    mounts: as in `/proc/self/mounts`, which is read by default.
    """
    return kind_of(path, mounts) in NETWORKED


def kind_of(path: Path, mounts: str | None = None) -> str | None:
    """The kind of file system that holds a folder, such as `ext4`; None where nobody knows."""
    if mounts is None:
        try:
            mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    where = path.resolve()
    around = {where, *where.parents}
    found: tuple[int, str | None] = (0, None)
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        folder = Path(_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), point))
        # Of two mounts on one folder the later one hides the earlier.
        if folder in around and len(folder.parts) >= found[0]:
            found = (len(folder.parts), kind)
    return found[1]
