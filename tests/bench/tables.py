# SPDX-License-Identifier: MIT
"""Makes the files of a machine with N accounts, each with a range.

    tables.py N DIR      passwd, group, subuid, subgid and login.defs in DIR

root comes last everywhere: it is the user whom a search finds last.  Ranges have
65536 ids, or less where there is no room for so many.
"""
import os
import random
import sys

FIRST = 100000
IDS = 2 ** 32 - 1


def width(n):
    """How many ids each of n owners, root, and one more can have."""
    return min(65536, (IDS - FIRST) // (n + 2))


def owner(i, n):
    return "root" if i == n - 1 else "u%d" % i


def table(n, shuffled=False):
    """The text of a table of n lines."""
    count = width(n)
    lines = ["%s:%d:%d\n" % (owner(i, n), FIRST + i * count, count) for i in range(n)]
    if shuffled:
        random.Random(1).shuffle(lines)
    return "".join(lines)


def write(directory, name, text):
    with open(os.path.join(directory, name), "w", encoding="ascii") as file:
        file.write(text)


def make(n, directory, groups=False):
    """Writes the files, root's own account included; with a group for each if wanted."""
    people = range(n - 1)
    write(directory, "passwd", "".join(
        "u%d:x:%d:%d:User %d:/home/u%d:/bin/sh\n" % (i, 1000 + i, 1000 + i, i, i)
        for i in people) + "root:x:0:0:root:/root:/bin/sh\n")
    write(directory, "group", "".join(
        "u%d:x:%d:\n" % (i, 1000 + i) for i in people if groups) + "root:x:0:\n")
    for name in ("subuid", "subgid"):
        write(directory, name, table(n))
    write(directory, "login.defs",
          "".join("SUB_%s_MIN %d\nSUB_%s_MAX %d\nSUB_%s_COUNT %d\n"
                  % (kind, FIRST, kind, IDS - 1, kind, width(n)) for kind in ("UID", "GID")))


def make_audited(n, directory, shift):
    """Tables of n lines in the order of their ids, of 1000 accounts, in which there is
    nothing to be found above info; the gids differ from the uids by shift."""
    count = (600000000 - 2) // n if n > 9000 else 65536
    people = min(n, 1000)
    write(directory, "passwd", "".join(
        "u%d:x:%d:%d::/:/bin/sh\n" % (i, 1000 + i, 1000 + i) for i in range(people)))
    write(directory, "group", "")
    write(directory, "login.defs", "")
    for name, first in (("subuid", FIRST), ("subgid", FIRST + shift)):
        write(directory, name, "".join(
            "u%d:%d:%d\n" % (i * people // n, first + i * count, count - (shift > 0))
            for i in range(n)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: tables.py N DIR")
    make(int(sys.argv[1]), sys.argv[2])
