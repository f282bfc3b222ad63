# SPDX-License-Identifier: MIT
"""many_hidden.py DIR N: hides N user namespaces, that no process is in, beneath mounts
in DIR.  To be run in a user and a mount namespace; DIR/ready says when it is done."""

import ctypes
import os
import signal
import sys

CLONE_NEWUSER = 0x10000000
MS_BIND = 4096
libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def bind(source, target):
    call(libc.mount(source.encode(), target.encode(), None, MS_BIND, None))


def hide(file):
    with open(file, "w", encoding="ascii"):
        pass
    there, here = os.pipe()
    pid = os.fork()
    if pid == 0:
        call(libc.unshare(CLONE_NEWUSER))
        os.write(here, b"x")
        signal.pause()
    os.read(there, 1)
    os.close(there)
    os.close(here)
    bind(f"/proc/{pid}/ns/user", file)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    bind("/dev/null", file)


def main():
    directory = sys.argv[1]
    for i in range(int(sys.argv[2])):
        hide(f"{directory}/many{i}")
    with open(f"{directory}/ready", "w", encoding="ascii"):
        pass
    signal.pause()


main()
