# SPDX-License-Identifier: MIT
"""What our commands do while they have the locks of the account database, for which
usermod waits: instructions, system calls, and the time as it is.

callgrind is told to write down what it has counted, and to begin anew, when warnings are
kept, as they are with the locks, and when they are kept no longer.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

import tables
from measure import failed, ours, run

STORE = "/var/lib/subid"
LEDGER = STORE + "/ledger"
# they follow each other; the last but one takes the locks twice, where each counts
COMMANDS = {
    "grant": ["grant", "--another", "root"],
    "revoke": ["revoke", "root"],
    "grant --restore": ["grant", "--restore", "root"],
    "revoke --reuse": ["revoke", "--reuse", "root"],
    "hold": ["hold", "4294900000:10"],
    "unhold": ["unhold", "4294900000:10"],
}
TAKEN = re.compile(r'^(\d+) +linkat\(.*"subgid\.lock".* = 0$')
GIVEN = re.compile(r'^(\d+) +unlinkat\(\d+, "subgid\.lock"')


def prepare(n):
    """N lines, whose owners the ledger knows; the last ids are nobody's."""
    tables.make(n, "/etc")
    for name in ("subuid", "subgid"):
        tables.write(STORE, name, "")
    if os.path.exists(LEDGER):
        os.unlink(LEDGER)
    run([ours("subid"), "-q", "list", "--released"])


def instructions(command):
    """Most that one stretch with the locks takes, in millions."""
    with tempfile.TemporaryDirectory(prefix="callgrind.") as directory:
        process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=%s/out.%%p" % directory,
             "--dump-before=system_keep_warnings"] + command,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output = process.communicate()[0]
        if process.returncode != 0:
            failed(command, process.returncode, output)
        counts = []
        for name in glob.glob("%s/out.%d.*" % (directory, process.pid)):
            # each second one is of a stretch with the locks
            if int(name.rsplit(".", 1)[1]) % 2 == 0:
                with open(name, encoding="utf-8", errors="replace") as file:
                    counts.append(int(re.search(r"^summary: (\d+)", file.read(), re.M)[1]))
    if not counts:
        sys.exit("callgrind has written nothing down about %s" % " ".join(command))
    return max(counts) / 1e6


def calls(command):
    """Most system calls that one stretch with the locks takes."""
    with tempfile.NamedTemporaryFile(prefix="strace.", mode="r") as log:
        run(["strace", "-f", "-qq", "-o", log.name] + command)
        holder, n, most = None, 0, 0
        for line in log:
            if TAKEN.search(line):
                holder, n = line.split()[0], 0
            elif GIVEN.search(line):
                holder, most = None, max(n, most)
            elif holder is not None and line.split()[0] == holder:
                n += 1
    if most == 0:
        sys.exit("%s took no lock" % " ".join(command))
    return most


def longest(command):
    """How long it has the locks at once, in milliseconds."""
    watcher = subprocess.Popen([ours("bench/held"), "/etc"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    watcher.stdout.readline()
    run(command)
    n, most, _ = watcher.communicate()[0].split("\n")[0].split()
    if n == "0":
        sys.exit("%s took no lock" % " ".join(command))
    return int(most) / 1000


def measure(how, n):
    """How it counts, of each command; all of them on the same tables."""
    prepare(n)
    return {name: how([ours("subid"), "-q"] + words) for name, words in COMMANDS.items()}
