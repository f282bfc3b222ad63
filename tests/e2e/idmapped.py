#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Mounts SOURCE on TARGET idmapped, as systemd-homed mounts a home: its files' ids
524288 and up only.  idmapped.py SOURCE TARGET"""
import ctypes
import os
import signal
import sys

libc = ctypes.CDLL(None, use_errno=True)
NR_OPEN_TREE, NR_MOVE_MOUNT, NR_MOUNT_SETATTR = 428, 429, 442
AT_FDCWD, AT_EMPTY_PATH = -100, 0x1000
OPEN_TREE_CLONE, MOVE_MOUNT_F_EMPTY_PATH, MOUNT_ATTR_IDMAP = 1, 4, 0x100000


class Attr(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clr", "propagation", "userns_fd")]


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def user_namespace():
    """One with the maps of homed: people's ids as they are, and 524288 and up."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        libc.unshare(0x10000000)
        os.write(writer, b"x")
        signal.pause()
    os.read(reader, 1)
    for kind in ("uid", "gid"):
        with open(f"/proc/{pid}/{kind}_map", "w") as file:
            file.write("0 0 65534\n524288 524288 1878458368\n")
    fd = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return fd


source, target = (path.encode() for path in sys.argv[1:3])
tree = call(NR_OPEN_TREE, AT_FDCWD, source, OPEN_TREE_CLONE | 0o2000000)
attr = Attr(MOUNT_ATTR_IDMAP, 0, 0, user_namespace())
call(NR_MOUNT_SETATTR, tree, b"", AT_EMPTY_PATH, ctypes.byref(attr), ctypes.sizeof(attr))
call(NR_MOVE_MOUNT, tree, b"", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH)
