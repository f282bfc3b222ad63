#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Cuts the power under a running workload: what had said done is there afterwards.

    powercut.py FILESYSTEM CUTS [SEED]      within tests/e2e/test_powercut.sh

A file system in a file, mounted through a loop device so that it writes nothing by
itself (commit=600), is shut down without a flush (EXT4_IOC_SHUTDOWN, which XFS has,
too) at a random moment while four workers grant, revoke, grant to many and lease, each
for owners of its own.  It is mounted again, its journal played back, and read: each
table is whole, what had said done is there, what was under way is there or not, all of
it, and the next commands succeed.  The ledger is whole, says of what had said done what
tables and leases do, and after the next look of all.  Prints counts; ends with 1 if something is wrong.
"""
import collections
import fcntl
import os
import random
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ledger  # noqa: E402

T = os.environ["T"]
SUBID, MNT, IMAGE = f"{T}/pre/bin/subid", f"{T}/mnt", f"{T}/disk"
SHUTDOWN, NO_FLUSH = 0x8004587D, 2
ODD = ["# kept", "other:200000:10", "broken:line", "", "x:0900:1"]
WORKERS, OWNERS, BULK = 4, 24, 8
MAKE = {
    "ext4": (["mkfs.ext4", "-q", "-F", "-m", "0", IMAGE], 64, "loop,commit=600,noauto_da_alloc"),
    "xfs": (["mkfs.xfs", "-q", "-f", IMAGE], 320, "loop"),
}
FILES = [f"{MNT}/{d}/sub{k}id" for d in ("etc", "var/lib/subid") for k in "ug"]

# what a command changes: {(owner or lease): there or not afterwards}
Step = collections.namedtuple("Step", "words changes")


def call(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


def subid(*words):
    env = dict(os.environ, LD_PRELOAD=os.environ.get("PRELOAD", ""))
    done = subprocess.run([SUBID, "--root", MNT, "-q"] + list(words), stdin=subprocess.DEVNULL, capture_output=True, check=False, env=env)
    return done.returncode, done.stderr.decode().strip()


def populate():
    for folder in ("etc", "var/lib/subid"):
        os.makedirs(f"{MNT}/{folder}")
    with open(f"{MNT}/etc/passwd", "w", encoding="ascii") as f:
        for i in range(WORKERS * OWNERS + 1):
            f.write(f"u{i}:x:{5000 + i}:{5000 + i}::/:/bin/sh\n")
    open(f"{MNT}/etc/group", "w", encoding="ascii").close()
    for path in FILES[:2]:
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(ODD) + "\n")
    for worker in range(WORKERS):
        with open(f"{MNT}/etc/bulk{worker}", "w", encoding="ascii") as f:
            f.writelines(f"u{worker * OWNERS + i}\n" for i in range(BULK))
    os.sync()


def read(path):
    """What is in a table or store, as a dictionary, and what is wrong with it."""
    there, wrong, spans, odd = set(), [], [], []
    try:
        with open(path, encoding="latin-1") as f:
            text = f.read()
    except FileNotFoundError:
        return there, wrong
    for line in text.split("\n")[:-1]:
        words = line.split(":")
        if line in ODD and path in FILES[:2]:
            odd.append(line)
        elif len(words) == 3 and words[0][0] in "u!" and words[1].isdigit() and words[2].isdigit():
            if words[0] in there and words[0][0] != "!":
                wrong.append(f"{path}: twice: {line!r}")
            there.add(words[0])
            spans.append((int(words[1]), int(words[1]) + int(words[2]), line))
        else:
            wrong.append(f"{path}: a line {line!r}")
    if text and not text.endswith("\n"):
        wrong.append(f"{path}: cut short")
    if path in FILES[:2] and odd != ODD:
        wrong.append(f"{path}: other lines are {odd}")
    spans.sort()
    wrong += [f"{path}: {b[2]!r} overlaps {a[2]!r}" for a, b in zip(spans, spans[1:]) if a[1] > b[0]]
    return there, wrong


class Worker(threading.Thread):
    """Goes on until a command fails; says what had been done and what was under way."""

    def __init__(self, number, state, rng, on_done, cut):
        super().__init__()
        self.cut, self.too_early = cut, False
        self.number, self.state, self.rng, self.on_done = number, state, rng, on_done
        self.under_way, self.error = None, ""

    def next_step(self):
        names = [f"u{self.number * OWNERS + i}" for i in range(OWNERS)]
        owner = self.rng.choice(names)
        lease = owner + "/c"
        if self.rng.random() < 0.15:
            return Step(["grant", "--count", "100", "--from", f"{MNT}/etc/bulk{self.number}"], {n: True for n in names[:BULK]})
        if not self.state.get(owner):
            return Step(["grant", "--count", "100", owner], {owner: True})
        if self.state.get(lease):
            return Step(["revoke", "--reuse", lease], {lease: False})
        if self.rng.random() < 0.5:
            return Step(["grant", "--count", "10", lease], {lease: True})
        return Step(["revoke", "--reuse", owner], {owner: False})

    def run(self):
        while True:
            self.under_way = self.next_step()
            status, err = subid(*self.under_way.words)
            if status != 0:
                self.too_early = not self.cut.is_set()
                self.error = err
                return
            self.state.update(self.under_way.changes)
            self.on_done()


class Cuts:
    def __init__(self, kind, seed):
        self.make, self.size, self.options = MAKE[kind]
        self.kind, self.rng = kind, random.Random(seed)
        self.state = [{} for _ in range(WORKERS)]
        self.counts, self.wrong = collections.Counter(), []
        self.acks = threading.Semaphore(0)

    def mount(self):
        call("mount", "-t", self.kind, "-o", self.options, IMAGE, MNT)

    def start(self):
        os.makedirs(MNT, exist_ok=True)
        with open(IMAGE, "wb") as f:
            f.truncate(self.size << 20)
        call(*self.make)
        self.mount()
        populate()

    def cut_once(self):
        cut = threading.Event()
        workers = [Worker(i, self.state[i], random.Random(self.rng.random()), self.acks.release, cut) for i in range(WORKERS)]
        fd = os.open(MNT, os.O_RDONLY | os.O_DIRECTORY)
        for worker in workers:
            worker.start()
        for _ in range(self.rng.randrange(1, 12)):
            # a worker that cannot go on does not get here, and says why below
            while not self.acks.acquire(timeout=1) and any(w.is_alive() for w in workers):
                pass
        threading.Event().wait(self.rng.random() * 0.015)
        cut.set()
        fcntl.ioctl(fd, SHUTDOWN, struct.pack("I", NO_FLUSH))
        os.close(fd)
        for worker in workers:
            worker.join()
        call("umount", MNT)
        self.mount()
        return workers

    def look(self, workers):
        self.wrong += [f"before the cut: {w.under_way.words}: {w.error}" for w in workers if w.too_early]
        for path in FILES:
            there, wrong = read(path)
            self.wrong += wrong
            store = path in FILES[2:]
            for worker in workers:
                self.look_at_worker(path, there, store, worker)

    def look_at_worker(self, path, there, store, worker):
        changes = {k: v for k, v in worker.under_way.changes.items() if ("/" in k) == store}
        for key, value in worker.state.items():
            if ("/" in key) != store or key in changes:
                continue
            self.counts["kept" if value else "gone"] += 1
            if (key in there) != value:
                self.wrong.append(f"{path}: {key} should be {'there' if value else 'gone'}, as was said")
        # those that would have changed: all of them, or none
        done = {(key in there) == value for key, value in changes.items() if worker.state.get(key, False) != value}
        if len(done) > 1:
            self.wrong.append(f"{path}: half of {worker.under_way.words}")

    def look_at_ledger(self, workers):
        """It may differ from the tables in what was under way alone."""
        under_way = {key for worker in workers for key in worker.under_way.changes}
        found, wrong = ledger.differences(MNT)
        self.wrong += wrong
        for one in found:
            self.counts["ahead"] += 1
            owners = {one.owner, one.record.owner if one.record else None} - {None}
            if not owners <= under_way:
                self.wrong.append(f"the ledger beside the tables: {one}")

    def look_anew(self):
        status, err = subid("list", "--released")
        found, wrong = ledger.differences(MNT)
        # a cut between the ledger and the tables looks like tables that were set back
        said = [line for line in err.splitlines() if "as they were once before" not in line]
        if status != 0 or said or found or wrong:
            self.wrong.append(f"after a look: {status} {err} {found} {wrong}")

    def go_on(self, workers):
        """What was under way is done again; nothing is in its way."""
        for worker in workers:
            status, err = subid(*worker.under_way.words)
            if status != 0 and not (status == 1 and worker.under_way.words[0] == "revoke"):
                self.wrong.append(f"the next run of {worker.under_way.words}: {status} {err}")
            worker.state.update(worker.under_way.changes)
        status, err = subid("grant", "--count", "1", f"u{WORKERS * OWNERS}")
        if status != 0:
            self.wrong.append(f"the next grant: {status} {err}")

    def run(self, cuts):
        self.start()
        for cut in range(cuts):
            before = len(self.wrong)
            workers = self.cut_once()
            self.look(workers)
            self.look_at_ledger(workers)
            if self.rng.random() < 0.5:
                self.look_anew()
            self.go_on(workers)
            self.look_anew()
            self.counts["cuts"] += 1
            for what in self.wrong[before:before + 5]:
                print(f"cut {cut}: {what}; {[w.error for w in workers]}", flush=True)
            if len(self.wrong) > 10:
                break
        call("umount", MNT)
        os.unlink(IMAGE)
        print(f"{self.kind}: {self.counts['cuts']} cuts; {self.counts['kept']} times a line that was said to be there was, "
              f"{self.counts['gone']} times one that was said to be gone was; {self.counts['ahead']} ranges of the ledger were ahead")
        return 1 if self.wrong or self.counts["kept"] < cuts or cuts > 10 and self.counts["gone"] == 0 else 0


if __name__ == "__main__":
    sys.exit(Cuts(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 1).run(int(sys.argv[2])))
