# SPDX-License-Identifier: MIT
"""shift_sweep.py DIR [full]: stops "subid shift" at its system calls, by SIGKILL and by
errors, and without power.

Afterwards no file has a setuid bit or capabilities together with ids of both ranges; the
next run ends what was begun, and each entry is as the model has it.  Without "full", all
calls that change something are swept, and a few of each of the others.  Prints what was
tried, and each line that is wrong.
"""
import collections
import contextlib
import io
import os
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import shift_tree  # noqa: E402

OLD, NEW = 100000, 300000
CHANGES = ("setxattr", "fchownat", "chmod", "removexattr", "syncfs")
LOOKS = ("openat2", "statx", "listxattr", "getxattr", "getdents64", "fstat", "newfstatat", "statfs")
ERRORS = ("ENOSPC", "EIO", "EPERM", "EINTR", "ENOMEM", "EDQUOT")


def listing(tree):
    return [entry.line() for entry in shift_tree.walk(tree)]


def model(lines):
    out = io.StringIO()
    before, sys.stdin = sys.stdin, io.StringIO("\n".join(lines) + "\n")
    with contextlib.redirect_stdout(out):
        shift_tree.model(OLD, NEW, 65536)
    sys.stdin = before
    return out.getvalue().splitlines()


class Sweep:
    def __init__(self, top):
        self.top, self.tree = top, top + "/t"
        self.command = ["subid", "shift", self.tree, "--from", "%d:65536" % OLD,
                        "--to", "%d:65536" % NEW]
        self.wrong, self.points = 0, collections.Counter()

    def complain(self, what, *lines):
        self.wrong += 1
        print("# WRONG: " + what)
        for line in lines:
            print("#   " + str(line)[:300])

    def fresh(self):
        shutil.rmtree(self.tree, ignore_errors=True)
        shift_tree.make_small(self.tree, OLD)
        return model(listing(self.tree))

    def strace(self, *options):
        return subprocess.run(["strace", "-qq", "-o", self.top + "/trace", *options,
                               *self.command], stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def calls(self):
        """How often each is made."""
        self.fresh()
        self.strace()
        with open(self.top + "/trace", encoding="utf-8", errors="replace") as f:
            return collections.Counter(re.match(r"\w*", line)[0] for line in f)

    def whole(self, what):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            wrong = shift_tree.whole(self.tree, OLD, NEW)
        if wrong:
            self.complain(what + ": left half done", *out.getvalue().splitlines())

    def finish(self, what, wanted):
        run = subprocess.run(self.command, stdin=subprocess.DEVNULL, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            self.complain(what + ": the next run ends with %d" % run.returncode, run.stdout)
        got = listing(self.tree)
        if got != wanted:
            self.complain(what + ": it is not as the model has it",
                          *[a for a, b in zip(got, wanted) if a != b])

    def point(self, call, n, how):
        wanted = self.fresh()
        what = "%s %d %s" % (call, n, how)
        run = self.strace("-e", "trace=" + call, "-e", "inject=%s:%s:when=%d" % (call, how, n))
        if how.startswith("error") and call in CHANGES and run.returncode != 3:
            self.complain(what + ": ended with %d" % run.returncode, run.stdout)
        if how.startswith("signal") and run.returncode != -9:
            self.complain(what + ": was not killed, %d" % run.returncode, run.stdout)
        self.whole(what)
        self.finish(what, wanted)
        self.points[how.split("=")[0]] += 1

    def sweep(self, full):
        calls = self.calls()
        for call in CHANGES:
            for n in range(1, calls[call] + 1):
                self.point(call, n, "signal=KILL")
                for error in ERRORS if full else ERRORS[n % 6:n % 6 + n % 2]:
                    self.point(call, n, "error=" + error)
        others = [c for c in calls if c and c not in CHANGES and c not in ("execve", "exit_group")] \
            if full else LOOKS
        for call in others:
            numbers = range(1, calls[call] + 1)
            for n in numbers if full else numbers[len(numbers) // 2:][:1]:
                self.point(call, n, "signal=KILL")
                if call in LOOKS:
                    self.point(call, n, "error=EIO")

    # --- without power, on a disk of its own ------------------------------------------

    def disk(self, kind, options):
        image = self.top + "/image"
        subprocess.run(["rm", "-f", image], check=True)
        subprocess.run(["truncate", "-s", "320M" if kind == "xfs" else "32M", image], check=True)
        subprocess.run(["mkfs." + kind, "-q", image], check=True, stdout=subprocess.DEVNULL)
        os.makedirs(self.top + "/cut", exist_ok=True)
        self.mount = ["mount", "-t", kind, "-o", "loop" + options, image, self.top + "/cut"]
        subprocess.run(self.mount, check=True)
        self.tree = self.top + "/cut/t"
        self.command[2] = self.tree

    def cut(self):
        shift_tree.cut(self.top + "/cut")
        subprocess.run(["umount", self.top + "/cut"], check=True)
        subprocess.run(self.mount, check=True)

    def power(self, kind, options, points):
        calls = self.calls()
        for call, n in points(calls):
            wanted = self.fresh()
            subprocess.run(["sync", "-f", self.tree], check=True)
            self.strace("-e", "trace=" + call, "-e", "inject=%s:signal=KILL:when=%d" % (call, n))
            self.cut()
            self.whole("%s: power at %s %d" % (kind, call, n))
            self.finish("%s: power at %s %d" % (kind, call, n), wanted)
            self.points["power"] += 1
        wanted = self.fresh()
        subprocess.run(["sync", "-f", self.tree], check=True)
        self.strace()
        self.cut()
        got = listing(self.tree)
        if got != wanted:
            self.complain(kind + ": what was said to be done is lost",
                          *[a for a, b in zip(got, wanted) if a != b])
        self.points["power"] += 1


def main(top, full=""):
    sweep = Sweep(top)
    sweep.sweep(full != "")
    rng = random.Random(1)

    def points(calls):
        every = [(c, n) for c in CHANGES for n in range(1, calls[c] + 1)]
        return every if full else rng.sample(every, 4) + [("syncfs", 1)]

    for kind, options in (("ext4", ",commit=600"), ("xfs", "")):
        sweep.disk(kind, options)
        sweep.power(kind, options, points)
        subprocess.run(["umount", top + "/cut"], check=True)
    print("# " + ", ".join("%d %s" % (n, how) for how, n in sorted(sweep.points.items())))
    return 1 if sweep.wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
