#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Reads the tables over and over while others change them: each look must be right.

    watch.py STOP LINE...       until the file STOP exists; LINEs must always be there

A look: no id in two lines, no line that nobody wrote, each LINE there once.  Prints
how often it looked; ends with 1 after the first few looks that were not right.
"""
import os
import re
import sys

FILES = ("/etc/subuid", "/etc/subgid", "/var/lib/subid/subuid", "/var/lib/subid/subgid")
GOOD = re.compile(r"(?:[a-z][a-z0-9]*(?:/[a-z0-9]+)?|!released):(\d+):(\d+)")


def look(path, kept):
    try:
        with open(path, encoding="latin-1") as f:
            text = f.read()
    except FileNotFoundError:
        return
    lines = text.split("\n")
    if lines.pop():
        yield "it is cut short"
    for line in kept:
        if lines.count(line) != 1:
            yield f"{line!r} is there {lines.count(line)} times"
    spans = []
    for line in lines:
        match = GOOD.fullmatch(line)
        if match:
            spans.append((int(match[1]), int(match[1]) + int(match[2]), line))
        elif line not in kept:
            yield f"a line {line!r}"
    spans.sort()
    for a, b in zip(spans, spans[1:]):
        if a[1] > b[0]:
            yield f"{a[2]!r} and {b[2]!r} share ids"


def main(stop, kept):
    looks, wrong, over = 0, 0, False
    while not over:
        over = os.path.exists(stop)  # and once more, when all is done
        for path in FILES:
            for what in look(path, kept if path.startswith("/etc") else []):
                print(f"{path}: {what}", flush=True)
                wrong += 1
        looks += 1
        if wrong > 10:
            break
    print(f"{looks} looks at the tables meanwhile")
    return 1 if wrong or looks < 3 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
