#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Circles of calls between files: circles.py OBJECT...

A file that calls another must not be called by it, not even by way of a third.  A
table of functions (the catalogue of the auditor's rules, the list of commands) counts
as calls of those.  Prints each circle as one line of files, and then how many there
are; the exit status is 1 if there are any.
"""
import subprocess
import sys


def symbols(path):
    """The names that an object defines and those that it needs."""
    defined, needed = set(), set()
    lines = subprocess.run(["nm", "--format=posix", path], stdout=subprocess.PIPE, text=True, check=True).stdout
    for name, kind, *_ in map(str.split, lines.splitlines()):
        if kind == "U":
            needed.add(name)
        elif kind.isupper():
            defined.add(name)
    return defined, needed


def calls(objects):
    """Which of the objects each one needs."""
    files = {path: symbols(path) for path in objects}
    home = {name: path for path, (defined, _) in files.items() for name in defined}
    return {path: {home[name] for name in needed if name in home} - {path}
            for path, (_, needed) in files.items()}


def circles(graph):
    """Tarjan's strongly connected components of more than one file."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in index:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def main():
    found = circles(calls(sys.argv[1:]))
    for circle in found:
        print(" ".join(circle))
    print(f"circles of calls between files: {len(found)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
