#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads a ledger by its description alone, and compares it with tables and leases.

    ledger.py [ROOT]      prints what differs, and ends with 1 then
"""
import bisect
import collections
import re
import sys

MASK = (1 << 64) - 1
PARTS = {"r": "etc", "R": "var/lib/subid"}
KINDS = {"u": ("uid",), "g": ("gid",), "b": ("uid", "gid")}

Record = collections.namedtuple("Record", "seq start end state owner")
# part: r or R; owner: by the line, or None; record: the ledger's last, or None
Difference = collections.namedtuple("Difference", "part kind start end owner record")


def mix(state, word):
    return (((state << 23 | state >> 41) & MASK) ^ word) * 0x9E3779B97F4A7C15 & MASK


def sum_of(line):
    state, whole = 0x6A09E667F3BCC908, len(line) // 8 * 8
    for at in range(0, whole, 8):
        state = mix(state, int.from_bytes(line[at : at + 8], "little"))
    state = mix(mix(state, int.from_bytes(line[whole:], "little")), len(line))
    state = mix(state ^ state >> 32, state >> 29)
    return (state ^ state >> 32) & 0xFFFFFFFF


def is_right(line):
    return len(line) > 9 and line[-9:] == b" %08x" % sum_of(line[:-9])


def read_ledger(path):
    """The records, by part and kind; and what is wrong: a line that is, before a right one."""
    records, wrong = collections.defaultdict(list), []
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return records, [f"{path}: there is none"]
    torn = None
    for number, line in enumerate(lines[:-1], 1):
        if not is_right(line):
            torn = torn or number
            continue
        if torn:
            wrong.append(f"{path}:{torn}: wrong, and line {number} is right")
            break
        words = line.decode("latin-1").split(" ")
        if words[0] in PARTS:
            _, seq, kind, start, count, state, _, _, _, _, owner, _ = words
            # what only some readers take from a broken line is nobody's by name
            owner = None if owner == "-" else re.sub("%(..)", lambda match: chr(int(match[1], 16)), owner)
            for name in KINDS[kind]:
                records[words[0], name].append(Record(int(seq), int(start), int(start) + int(count), state, owner))
    if torn == 1 or not lines[0].startswith(b"subid-ledger 1 "):
        wrong.append(f"{path}: no first line")
    return records, wrong


def read_lines(path):
    """(owner, start, end) of each that gives something, the first one first."""
    try:
        with open(path, encoding="latin-1") as file:
            found = re.findall(r"^([^:#\n]+):(0|[1-9]\d*):(0|[1-9]\d*)$", file.read(), re.MULTILINE)
    except FileNotFoundError:
        return []
    return [(owner, int(start), int(start) + int(count)) for owner, start, count in found if not owner.startswith("!") and int(count)]


def compare(records, lines):
    """(start, end, owner by the lines, last record) where the two do not say the same."""
    points = sorted({at for r in records for at in (r.start, r.end)} | {at for line in lines for at in line[1:]})
    known, owners = [None] * len(points), [None] * len(points)
    for record in sorted(records, key=lambda record: record.seq):
        for i in range(bisect.bisect_left(points, record.start), bisect.bisect_left(points, record.end)):
            known[i] = record
    for owner, start, end in reversed(lines):
        for i in range(bisect.bisect_left(points, start), bisect.bisect_left(points, end)):
            owners[i] = owner
    for i, (record, owner) in enumerate(zip(known, owners)):
        has = record.owner if record is not None and record.state == "h" else None
        if has != owner:
            yield points[i], points[i + 1], owner, record


def differences(root):
    """What the ledger of a root does not say as its tables and leases do, and what is wrong with it."""
    records, wrong = read_ledger(f"{root}/var/lib/subid/ledger")
    found = []
    for part, folder in PARTS.items():
        for kind in ("uid", "gid"):
            lines = read_lines(f"{root}/{folder}/sub{kind}")
            found += [Difference(part, kind, *one) for one in compare(records[part, kind], lines)]
    return found, wrong


def main():
    found, wrong = differences(sys.argv[1] if len(sys.argv) > 1 else "")
    for one in found + wrong:
        print(one)
    return 1 if found or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
