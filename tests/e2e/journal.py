#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A log for the tests: binds SOCKET, and writes what comes as lines of JSON to OUT.

    journal.py SOCKET OUT           a datagram a line, {"uid": SENDER, FIELD: VALUE...},
                                    or "text" for what is not of journald's protocol
    journal.py --deaf SOCKET OUT    binds, and never reads; no more comes in

A field that comes twice, or one that is cut short, ends it.
"""
import json
import os
import socket
import struct
import sys


def fields(data):
    found = {}
    while data:
        key, end, rest = data.partition(b"\n")
        if b"=" in key:
            key, _, value = key.partition(b"=")
            data = rest
        else:
            size = struct.unpack("<Q", rest[:8])[0]
            value, end, data = rest[8:8 + size], rest[8 + size:9 + size], rest[9 + size:]
            assert len(value) == size
        assert end == b"\n" and key.decode() not in found
        found[key.decode()] = value.decode("latin-1")
    return found


def fill(path):
    """Until no sender gets another one in, whatever the system's limits are."""
    sent = True
    while sent:
        sent = False
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.connect(path)
            try:
                while True:
                    sender.send(b"full")
                    sent = True
            except BlockingIOError:
                pass


def main(path, out, deaf):
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    log.bind(path + ".new")
    os.chmod(path + ".new", 0o666)
    if deaf:
        fill(path + ".new")
    os.rename(path + ".new", path)
    with open(out, "w", encoding="ascii") as lines:
        while deaf:
            sys.stdin.read()
        while True:
            data, extra, _, _ = log.recvmsg(16384, 64)
            uid = struct.unpack("3i", extra[0][2])[1]
            if data.startswith(b"<"):
                said = {"uid": uid, "text": data.decode("latin-1")}
            else:
                said = {"uid": uid, **fields(data)}
            lines.write(json.dumps(said) + "\n")
            lines.flush()


if __name__ == "__main__":
    main(sys.argv[-2], sys.argv[-1], sys.argv[1] == "--deaf")
