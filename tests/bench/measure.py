# SPDX-License-Identifier: MIT
"""What a program takes: instructions, time, memory.

A way to measure is a function of a command, the exit status that it should have, and
answers a number: count() or cost()'s.  The operations are given one.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))


def ours(program):
    return os.path.join(BUILD, program)


def theirs(program):
    """A copy of shadow's, because valgrind refuses programs that are setuid."""
    path = shutil.which(program, path="/usr/bin:/usr/sbin")
    if path is None:
        sys.exit("%s is not installed: make deps" % program)
    os.makedirs("/etc/theirs", exist_ok=True)
    copy = "/etc/theirs/" + program
    if not os.path.exists(copy):
        shutil.copyfile(path, copy)
        os.chmod(copy, 0o755)
    return copy


def failed(command, status, output):
    sys.exit("%s: exit status %d: %s" % (" ".join(command), status, output[:1000]))


def run(command, wanted=0):
    """What a command prints."""
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, check=False)
    if process.returncode != wanted:
        failed(command, process.returncode, process.stdout)
    return process.stdout


def count(command, wanted=0):
    """The instructions of a command, in millions."""
    with tempfile.NamedTemporaryFile(prefix="callgrind.") as log:
        process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             "--log-file=" + log.name] + command,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        output = process.communicate()[0]
        said = open(log.name, encoding="utf-8", errors="replace").read()
    if process.returncode != wanted:
        failed(command, process.returncode, output)
    # children that it forks are in the log, too
    refs = re.search(r"^==%d== .*refs: *([\d,]+)" % process.pid, said, re.M)
    if refs is None:
        sys.exit("callgrind says nothing about %s:\n%s" % (command[0], said))
    return int(refs[1].replace(",", "")) / 1e6


def cost(command, wanted=0):
    """Milliseconds on the wall, and megabytes at the peak."""
    with tempfile.NamedTemporaryFile(prefix="cost.") as said:
        run([ours("bench/cost"), said.name] + command, wanted)
        ms, kilobytes = said.read().split()
    return float(ms), int(kilobytes) / 1024


def wall(command, wanted=0):
    return cost(command, wanted)[0]


def busy(command, wanted=0):
    """Milliseconds that the processor was at it, whatever others did."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, wanted)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def peak(command, wanted=0):
    return cost(command, wanted)[1]
