# SPDX-License-Identifier: MIT
"""A directory that is none: bad_directory.py PORT HOW.

hang      takes connections, and says nothing
garbage   answers with bytes of no protocol
huge      announces an answer of two gigabytes
drip      begins an answer, and sends a byte each half second
close     hangs up when it has been asked
forge     answers a search as an LDAP server, with values of its own: the next argument
"""
import os
import socket
import sys
import time


def ber(tag, *parts):
    body = b"".join(parts)
    if len(body) < 128:
        size = bytes([len(body)])
    else:
        digits = len(body).to_bytes(4, "big")
        size = b"\x84" + digits
    return bytes([tag]) + size + body


def text(value):
    return ber(0x04, value if isinstance(value, bytes) else value.encode())


def message(number, operation):
    return ber(0x30, ber(0x02, bytes([number])), operation)


def done(tag):
    return ber(tag, ber(0x0A, b"\0"), text(""), text(""))


def entry(dn, attributes):
    return ber(0x64, text(dn), ber(0x30, *[
        ber(0x30, text(name), ber(0x31, *[text(v) for v in values])) for name, values in attributes]))


def number_of(request):
    return request[request.index(b"\x02\x01") + 2]


def forge(peer, what):
    """The root DSE, then whatever is asked for: what."""
    entries = {
        "huge-number": [("cn=eve", [("cn", ["eve"]), ("subidState", ["granted"]), ("subidTicket", ["t"]),
                                    ("subUidNumber", ["99999999999999999999"]), ("subUidCount", ["1"]),
                                    ("subGidNumber", ["1"]), ("subGidCount", ["1"])])],
        "wrap": [("cn=eve", [("cn", ["eve"]), ("subidState", ["granted"]), ("subidTicket", ["t"]),
                             ("subUidNumber", ["4294967290"]), ("subUidCount", ["65536"]),
                             ("subGidNumber", ["4294967290"]), ("subGidCount", ["65536"])])],
        "name": [("cn=eve", [("cn", ["e\x1b[2Jve:\n0:1"]), ("subidState", ["granted"]), ("subidTicket", ["t"]),
                             ("subUidNumber", ["100000"]), ("subUidCount", ["1"]),
                             ("subGidNumber", ["100000"]), ("subGidCount", ["1"])])],
        "long": [("cn=eve", [("cn", ["e" * 100000]), ("subidState", ["x" * 100000])])],
        "twice": [("cn=eve", [("cn", ["eve", "eve"]), ("subidState", ["granted", "granted"])])],
        "dn": [("cn=" + "e" * 100000, [("cn", ["eve"])])],
    }[what]
    for turn in range(1000):
        request = peer.recv(65536)
        if not request:
            return
        if b"\x63" in request[:12] or b"\x63" in request:
            if turn > 0:
                for dn, attributes in entries:
                    peer.sendall(message(number_of(request), entry(dn, attributes)))
            peer.sendall(message(number_of(request), done(0x65)))
        else:
            peer.sendall(message(number_of(request), done(0x61)))


def serve(peer, how):
    if how[0] == "forge":
        forge(peer, how[1])
        return
    if how[0] != "hang":
        peer.recv(65536)
    if how[0] == "garbage":
        peer.sendall(os.urandom(4096))
    elif how[0] == "huge":
        peer.sendall(b"\x30\x84\x7f\xff\xff\xff" + b"\x02\x01\x01" + bytes(65536))
    elif how[0] == "drip":
        peer.sendall(b"\x30\x84\0\0\x10\0")
        while True:
            time.sleep(0.5)
            peer.sendall(b"\x02")
    elif how[0] == "close":
        peer.close()
        return
    time.sleep(1000)


def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        peer, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            try:
                serve(peer, sys.argv[2:])
            except OSError:
                pass
            os._exit(0)
        peer.close()


main()
