#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A ledger that was cut off at each byte, and one with each byte changed: what was left
is given to nobody, or it is said that the ledger is not what it was; and the next run
finds it mended.

    ledger_damage.py DIR STEP       makes DIR, an image; of the bytes each STEP-th

Says what is wrong, and ends with 1 then."""
import os
import re
import shutil
import subprocess
import sys

ETC, STATE = sys.argv[1] + "/etc", sys.argv[1] + "/var/lib/subid"
LEDGER = STATE + "/ledger"
SAID = re.compile(r"^subid: warning: \S*/ledger: (damaged|lost|older than the tables):", re.M)


def subid(*words):
    return subprocess.run(["subid", "--root", sys.argv[1], *words], capture_output=True, text=True, timeout=60)


def write(name, text):
    with open(f"{ETC}/{name}", "w") as file:
        file.write(text)


def make():
    """alice had 100000-100009 first, and nothing but the ledger knows of it."""
    os.makedirs(ETC)
    write("passwd", "".join(f"{name}:x:{5001 + i}:100::/:/bin/sh\n" for i, name in enumerate(("alice", "bob", "carol", "dora"))))
    write("login.defs", "".join(f"SUB_{kind}_MIN 100000\nSUB_{kind}_MAX 100099\nSUB_{kind}_COUNT 10\n" for kind in ("UID", "GID")))
    for words in (("alice",), ("bob",)):
        assert subid("grant", *words).returncode == 0
    for name in ("subuid", "subgid"):
        write(name, "bob:100010:10\n")
    assert subid("list", "--released").stdout.startswith("alice uid 100000 100009 10 left ")
    for _ in range(2):
        assert subid("grant", "--another", "bob").returncode == 0
    for name in ("subuid-", "subgid-"):
        with open(f"{ETC}/{name}") as file:
            assert "alice" not in file.read()


def try_with(content, what):
    """The ids of two grants, after a ledger with that content; and was it said?"""
    shutil.rmtree(sys.argv[1])
    shutil.copytree(sys.argv[1] + ".kept", sys.argv[1])
    with open(LEDGER, "wb") as file:
        file.write(content)
    first, second = subid("grant", "carol"), subid("grant", "dora")
    for done in (first, second):
        if done.returncode != 0:
            sys.exit(f"{what}: {done.returncode} {done.stderr}")
    if SAID.search(second.stderr):
        sys.exit(f"{what}: not mended: {second.stderr}")
    given = "uid 100000 " in first.stdout + second.stdout
    said = SAID.search(first.stderr) is not None
    if given and not said:
        sys.exit(f"{what}: alice's ids are given, and nothing is said: {first.stderr}")
    return given, said


make()
shutil.copytree(sys.argv[1], sys.argv[1] + ".kept")
with open(LEDGER, "rb") as ledger:
    whole = ledger.read()
if try_with(whole, "whole") != (False, False):
    sys.exit("whole: alice's ids are given, or something is said")
given = said = 0
for at in range(0, len(whole), int(sys.argv[2])):
    results = [try_with(whole[:at], f"cut off at byte {at}")]
    results.append(try_with(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:], f"byte {at} changed"))
    given += sum(result[0] for result in results)
    said += sum(result[1] for result in results)
# the records in another order; two of one number
lines = whole.splitlines(True)
swapped = lines[:-3] + [lines[-2], lines[-3], lines[-1]]
if try_with(b"".join(swapped), "two lines swapped") != (False, True):
    sys.exit("two lines swapped: nothing is said")
if try_with(whole + lines[-1], "a line twice") != (False, True):
    sys.exit("a line twice: nothing is said")
print(f"{given} times alice's ids were given, {said} times it was said")
sys.exit(0 if given > 0 and said > given else 1)
