#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A file system with one file, over which another is bind-mounted; then it is silent.

    silent_fuse.py DIRECTORY FILE READY

Answers the kernel (include/uapi/linux/fuse.h) until FILE lies over DIRECTORY/sub/file,
makes READY, and answers no more.
"""
import ctypes
import os
import struct
import sys
import threading
import time

LOOKUP, GETATTR, INIT, OPENDIR = 1, 3, 26, 27
MS_BIND = 4096
libc = ctypes.CDLL(None, use_errno=True)
directory, file, ready = sys.argv[1:]
silent = threading.Event()


def attr(node):
    mode = 0o100644 if node == 3 else 0o40755
    return struct.pack("<QQQQQQIIIIIIIIII", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 0, 0)


def reply(device, unique, body, error=0):
    os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


def serve(device):
    while True:
        try:
            request = os.read(device, 1 << 17)
        except OSError:
            return  # unmounted
        _, opcode, unique, node = struct.unpack("<IIQQ", request[:24])
        if silent.is_set():
            continue
        if opcode == INIT:
            reply(device, unique, struct.pack("<IIIIHHII", 7, 31, 0, 0, 0, 0, 4096, 1) + bytes(32))
        elif opcode == LOOKUP and node < 3:
            # valid for no time: each walk asks again
            reply(device, unique, struct.pack("<QQQQII", node + 1, 0, 0, 0, 0, 0) + attr(node + 1))
        elif opcode == GETATTR:
            reply(device, unique, struct.pack("<QII", 0, 0, 0) + attr(node))
        elif opcode != 2:  # FORGET has no answer
            reply(device, unique, b"", -38)


def mount(source, target, kind, flags, data):
    if libc.mount(source.encode(), target.encode(), kind, flags, data) != 0:
        sys.exit("mount %s: %s" % (target, os.strerror(ctypes.get_errno())))


device = os.open("/dev/fuse", os.O_RDWR)
mount("silent", directory, b"fuse", 0, b"fd=%d,rootmode=40000,user_id=0,group_id=0" % device)
threading.Thread(target=serve, args=(device,), daemon=True).start()
mount(file, directory + "/sub/file", None, MS_BIND, None)
silent.set()
open(ready, "w", encoding="ascii").close()
while True:
    time.sleep(1000)
