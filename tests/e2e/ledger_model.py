#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random histories of subid, of useradd and the like, of editors, and of files that are
set back, beside a model of the ledger, which was written from its description alone.

    ledger_model.py SEED STEPS [-v]      changes /etc and /var/lib/subid

After each step `subid list --released` must say what the model does, of lines and of
leases, and no id may have gone from one owner or container to another that was neither
given back nor asked for.  Says what
differs, and ends with 1 then."""
import collections
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

KINDS = ("uid", "gid")
FIRST, LAST = 100000, 100119  # ids that are looked at
WINDOW_END = 100099  # of what grants give
COUNT = 10
TABLES = {"uid": "/etc/subuid", "gid": "/etc/subgid"}
STATE = "/var/lib/subid"
LEDGER = STATE + "/ledger"
STORE = {"uid": STATE + "/subuid", "gid": STATE + "/subgid"}
USERS = {"ann": 5001, "bea": 5002, "cy": 5003, "dan": 5004, "eve": 5005}
HOLDS = ("!released", "!reserved")
SET_BACK_MAX = 3
IDS = range(FIRST, LAST + 1)

STATES = 16  # former tables that are known again

# what was looked at: the backups, and the tables
Seen = collections.namedtuple("Seen", "uid gid states")
# who had an id last: state is has, left or cleared; door the way in which it was left
Known = collections.namedtuple("Known", "owner state door")


class Wrong(Exception):
    pass


def read_file(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def stamp_of(path):
    try:
        st = os.lstat(path)
    except FileNotFoundError:
        return None
    return st.st_ino, st.st_size, st.st_mtime_ns, st.st_ctime_ns


def lines_of(text):
    found = []
    for line in (text or "").splitlines():
        match = re.fullmatch(r"([^:#]+):([0-9]+):([0-9]+)", line)
        if match:
            found.append((match[1], int(match[2]), int(match[3])))
    return found


def owners_of(text):
    """Whose an id is: of several lines the first."""
    owners = {}
    for owner, start, count in lines_of(text):
        for i in range(start, start + count):
            if owner not in HOLDS:
                owners.setdefault(i, owner)
    return owners


def held_of(text, holders=HOLDS):
    return {i for owner, start, count in lines_of(text) if owner in holders for i in range(start, start + count)}


class Model:
    """The ledger, of one kind."""

    def __init__(self, known=()):
        self.known = dict(known)

    def look(self, text, backup, door="tables"):
        """backup: tables that were there since the last look, unseen."""
        owners = owners_of(text)
        for i in IDS:
            known, owner = self.known.get(i), owners.get(i)
            if owner is not None:
                if known is None or known.state != "has" or known.owner != owner:
                    self.known[i] = Known(owner, "has", None)
            elif known is not None and known.state == "has":
                self.known[i] = Known(known.owner, "left", door)
        for i, owner in owners_of(backup).items():
            known = self.known.get(i)
            if known is None or known.state == "cleared" or (known.state == "left" and known.owner != owner):
                self.known[i] = Known(owner, "left", "tables")

    def clear(self, ids):
        for i in ids:
            known = self.known.get(i)
            if known is not None and known.state == "left":
                self.known[i] = known._replace(state="cleared")

    def rename(self, old, new):
        """Of leases, old and new are their owners."""
        for i, known in self.known.items():
            owner, slash, container = known.owner.partition("/")
            if owner in old and known.state != "has":
                self.known[i] = Known(new + slash + container, known.state, "rename")

    def released(self, text):
        """What list --released says: id, owner, state, door."""
        held, owners = held_of(text, HOLDS[:1]), owners_of(text)
        said = {}
        for i in IDS:
            known = self.known.get(i)
            if known is not None and known.state == "left":
                said[i] = (known.owner, "released" if i in held else "left", known.door)
            elif i in held and i not in owners:
                said[i] = ("", "released", None)
        return said


class Part:
    """Lines or leases: two files, and what the ledger knows of them."""

    def __init__(self, paths, older, once):
        self.paths, self.older, self.once = paths, older, once
        self.models = {kind: Model() for kind in KINDS}
        self.seen = Seen(None, None, [])
        self.ours = set()  # files that subid has written

    def tables(self):
        return {kind: read_file(path) for kind, path in self.paths.items()}

    def backups(self):
        return {kind: (stamp_of(path + "-"), read_file(path + "-")) for kind, path in self.paths.items()}

    def is_ours(self, kind, text):
        stamp = stamp_of(self.paths[kind])
        return stamp is not None and (kind, text, stamp[2]) in self.ours

    def written(self, before, after):
        for kind in KINDS:
            if after[kind] != before[kind]:
                self.ours.add((kind, after[kind], stamp_of(self.paths[kind])[2]))

    def look(self, tables, door="tables", backups=None):
        """backups: those that the look met, if they have changed since."""
        seen, backups = self.seen, backups or self.backups()
        new = Seen(*(backups[kind][0] for kind in KINDS), seen.states)
        if door == "tables" and new == seen and seen.states[:1] == [tables]:
            return
        for kind in KINDS:
            backup = backups[kind][1]
            if door != "tables" or getattr(new, kind) == getattr(seen, kind) or backup in (state[kind] for state in seen.states):
                backup = None
            self.models[kind].look(tables[kind], backup, door)
        self.seen = new._replace(states=[tables, *seen.states][:STATES])

    def to_be_said(self, tables):
        """Of files that were set back; True, False, or None: it depends on the clock."""
        old, back = False, False
        for kind in KINDS:
            known = [state[kind] for state in self.seen.states]
            ours = self.is_ours(kind, tables[kind])
            if tables[kind] not in known:
                old |= ours
            elif tables[kind] != known[0]:
                back = True if ours or back else None
        return {self.older: old, self.once: back}

    def keep(self):
        return {kind: dict(self.models[kind].known) for kind in KINDS}, self.seen

    def set_back(self, kept):
        known, self.seen = kept
        for kind in KINDS:
            self.models[kind] = Model(known[kind])


class Host:
    def __init__(self, seed, verbose):
        self.random = random.Random(seed)
        self.verbose = verbose
        self.lines = Part(TABLES, "older than the tables", "subuid and subgid are as they were once before")
        self.leases = Part(STORE, "older than the leases", "the leases are as they were once before")
        self.models = self.lines.models  # whose values set_back() replaces
        self.users = dict(USERS)
        self.renamed = {}
        self.snapshots = []
        self.kept = tempfile.mkdtemp(prefix="ledger_model.")
        self.counts = collections.Counter()
        self.step = 0
        self.looked = True
        self.what = ""
        self.known_leases = {}
        for name, uid in USERS.items():
            self.add_account(name, uid)

    # --- running ------------------------------------------------------------------------

    def run(self, *command):
        self.what = " ".join(command)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if self.verbose:
            print(f"{self.step}: {self.what}: {done.returncode} {done.stdout.strip()!r} {done.stderr.strip()!r}")
        return done

    def subid(self, *words):
        """A command that looks before it changes, and its answer.  What a container has,
        and what somebody has already, is told without a look."""
        before, backups = self.tables(), self.lines.backups()
        said = self.lines.to_be_said(before)
        leased, leased_backups = self.leases.tables(), self.leases.backups()
        said_of_leases = self.leases.to_be_said(leased)
        done = self.run("subid", *words)
        if done.returncode not in (0, 1):
            raise Wrong(f"status {done.returncode}: {done.stderr}")
        has_it = words[0] == "grant" and {line.split()[-1] for line in done.stdout.splitlines()} == {"kept"}
        self.looked = words[0] != "list" and not has_it and not any("/" in word for word in words)
        if self.looked:
            self.check_said(said, done)
            self.look(before, backups=backups)
        if self.looks_at_leases(words, done):
            self.check_said(said_of_leases, done)
            self.leases.look(leased, backups=leased_backups)
        self.known_leases = self.leases.keep()[0]  # to the command
        self.after_leases(words[0], leased, done)
        after = self.tables()
        if done.returncode != 0 and after != before:
            raise Wrong("refused, and the tables are changed")
        self.lines.written(before, after)
        self.counts[f"{words[0]} {'done' if done.returncode == 0 else 'refused'}"] += 1
        return done, before, after

    @staticmethod
    def looks_at_leases(words, done):
        """Who does not come to change something does not open the store."""
        if any("/" in word for word in words) or words[0] == "unhold":
            return True
        if words[0] == "rename":
            return done.returncode == 0 or "called as some of" in done.stderr or "has no ranges" in done.stderr
        return words[0] == "revoke" and done.returncode == 0

    def after_leases(self, word, before, done):
        after = self.leases.tables()
        if done.returncode != 0 and after != before:
            raise Wrong("refused, and the leases are changed")
        self.leases.written(before, after)
        if after != before:
            self.leases.look(after, "rename" if word == "rename" else "subid")

    def add_account(self, name, uid, *more):
        done = self.run("useradd", "-M", "-u", str(uid), *(more or ("-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0")), name)
        if done.returncode != 0:
            raise Wrong(done.stderr)

    # --- files ---------------------------------------------------------------------------

    def tables(self):
        return self.lines.tables()

    def leased(self, kind):
        """What containers have, or what rests of them."""
        return {i for _, start, count in lines_of(read_file(STORE[kind])) for i in range(start, start + count)}

    def look(self, tables, door="tables", backups=None):
        if door != "subid" or self.looked:
            self.lines.look(tables, door, backups)

    def check_said(self, wanted, done):
        for words, is_so in wanted.items():
            if is_so is not None and (words in done.stderr) != is_so:
                raise Wrong(f"{'not ' if is_so else ''}said that files are {words}: {done.stderr}")
            if is_so:
                self.counts["said: " + words] += 1

    def snapshot(self):
        name = f"{self.kept}/{self.step}"
        os.makedirs(name)
        for path in (*TABLES.values(), LEDGER, *STORE.values()):
            if os.path.exists(path):
                shutil.copy2(path, f"{name}/{path.replace('/', '=')}")
        self.snapshots.append((name, self.lines.keep(), self.leases.keep()))
        if len(self.snapshots) > SET_BACK_MAX + 1:
            shutil.rmtree(self.snapshots.pop(0)[0])

    def restore(self, name, paths):
        for path in paths:
            kept = f"{name}/{path.replace('/', '=')}"
            if os.path.exists(kept):
                shutil.copy2(kept, path + ".back")
                os.rename(path + ".back", path)
            elif os.path.exists(path):
                os.unlink(path)

    # --- what the programs do ------------------------------------------------------------

    def user(self):
        return self.random.choice(list(self.users))

    def spellings(self, name):
        return {name, str(self.users.get(name))}

    def some_range(self):
        start = self.random.randrange(FIRST, LAST - 1)
        if self.random.random() < 0.7:
            start -= start % COUNT
        count = self.random.choice((3, COUNT, COUNT, 2 * COUNT))
        return start, min(count, LAST + 1 - start)

    def check_given(self, name, before, after, reuse, kinds_asked=KINDS):
        """Nothing that somebody had, unless it was given back or may be reused."""
        mine = self.spellings(name)
        for kind in KINDS:
            was, taken = owners_of(before[kind]), held_of(before[kind]) | self.leased(kind)
            gone = set(was) - set(owners_of(after[kind]))
            if gone:
                raise Wrong(f"a grant took {kind}s {sorted(gone)} away")
            for i in set(owners_of(after[kind])) - set(was):
                known = self.models[kind].known.get(i)
                if i in taken:
                    raise Wrong(f"{kind} {i} is given, and held or leased")
                if known is not None and known.state == "left" and known.owner not in mine and not reuse:
                    raise Wrong(f"{kind} {i} of {known.owner} is given to {name}")
                if i in self.users.values():
                    raise Wrong(f"{kind} {i} is an account's own")

    def check_full(self, name, before, reuse):
        """Refused: of one kind at least there was no gap."""
        for kind in KINDS:
            free = 0
            taken = set(owners_of(before[kind])) | held_of(before[kind]) | self.leased(kind)
            for i in range(FIRST, WINDOW_END + 1):
                known = self.models[kind].known.get(i)
                left = known is not None and known.state == "left" and not reuse
                free = 0 if i in taken or left else free + 1
                if free == COUNT:
                    break
            if free < COUNT:
                return
        raise Wrong(f"{name} is refused, and there is room")

    def grant(self):
        name, words = self.user(), []
        reuse = self.random.random() < 0.2
        if self.random.random() < 0.5:
            words.append("--another")
        if reuse:
            words.append("--reuse-left")
        done, before, after = self.subid("grant", *words, name)
        if done.returncode == 0:
            self.check_given(name, before, after, reuse)
        elif "no gap" in done.stderr:
            self.check_full(name, before, reuse)
            self.counts["grant full"] += 1
        self.look(after, "subid")

    def grant_range(self):
        name, (start, count) = self.user(), self.some_range()
        reuse = self.random.random() < 0.2
        words = ["--reuse-left"] if reuse else []
        if self.random.random() < 0.3:
            words.append(self.random.choice(("-u", "-g")))
        done, before, after = self.subid("grant", *words, "-r", f"{start}:{count}", name)
        self.check_given(name, before, after, reuse)
        self.look(after, "subid")

    def restore_former(self):
        name = self.user()
        done, before, after = self.subid("grant", "--restore", name)
        mine = self.spellings(name)
        blocked = wanted = False
        for kind in KINDS:
            has = {i for owner, start, count in lines_of(before[kind]) if owner in mine for i in range(start, start + count)}
            had = {i for i, k in self.models[kind].known.items() if k.state != "has" and k.owner in mine} - has
            lines = set(owners_of(before[kind])) | held_of(before[kind], HOLDS[1:]) | self.leased(kind)
            wanted |= bool(had)
            blocked |= bool(had & lines)
            got = set(owners_of(after[kind])) - set(owners_of(before[kind]))
            if done.returncode == 0 and got != had:
                raise Wrong(f"{kind}s {sorted(had)} were {name}'s, restored are {sorted(got)}")
        if (done.returncode == 0) != (wanted and not blocked):
            raise Wrong(f"{'nobody has' if not blocked else 'others have'} what {name} had: {done.returncode} {done.stderr}")
        self.look(after, "subid")

    def revoke(self):
        name, words = self.user(), []
        reuse = self.random.random() < 0.25
        if reuse:
            words.append("--reuse")
        if self.random.random() < 0.4:
            words += ["-r", "{}:{}".format(*self.some_range())]
        if self.random.random() < 0.2:
            words.append(self.random.choice(("-u", "-g")))
        done, before, after = self.subid("revoke", *words, name)
        self.look(after, "subid")
        if done.returncode == 0:
            for kind in KINDS:
                gone = set(owners_of(before[kind])) - set(owners_of(after[kind]))
                if reuse:
                    self.models[kind].clear(gone - held_of(before[kind]))
                elif gone - held_of(after[kind]):
                    raise Wrong(f"{kind}s {sorted(gone - held_of(after[kind]))} are held by nothing")

    def hold(self):
        done, before, after = self.subid("hold", "{}:{}".format(*self.some_range()))
        self.look(after, "subid")

    def unhold(self):
        start, count = self.some_range()
        stores = [{kind: read_file(path) for kind, path in STORE.items()}]
        done, before, after = self.subid("unhold", f"{start}:{count}")
        stores.append({kind: read_file(path) for kind, path in STORE.items()})
        self.look(after, "subid")
        for kind in KINDS:
            for old, new in ((before, after), stores):
                self.models[kind].clear(held_of(old[kind]) - held_of(new[kind]))
                self.leases.models[kind].clear(held_of(old[kind]) - held_of(new[kind]))

    def rename(self):
        old, new = self.user(), self.user()
        if old == new:
            return
        words = ["--another"] if self.random.random() < 0.5 else []
        done, before, after = self.subid("rename", *words, old, new)
        mine = self.spellings(old)
        for kind in KINDS:
            if done.returncode == 0 and any(owner in mine for owner, _, _ in lines_of(after[kind])):
                raise Wrong(f"{old} has lines still")
            if set(owners_of(before[kind])) != set(owners_of(after[kind])):
                raise Wrong("other ids than before")
        self.look(after, "rename")
        if done.returncode == 0:
            for kind in KINDS:
                self.models[kind].rename(mine, new)
                self.leases.models[kind].rename(mine, new)

    def some_container(self):
        owner, container = self.user(), self.random.choice(("web", "db"))
        return owner, f"{owner}/{container}", {f"{name}/{container}" for name in self.spellings(owner)}

    def held_by(self, owner, kind):
        mine = self.spellings(owner)
        return {i for name, start, count in lines_of(read_file(TABLES[kind])) if name in mine for i in range(start, start + count)}

    def lease(self):
        owner, name, mine = self.some_container()
        reuse = self.random.random() < 0.2
        was = {kind: self.leased(kind) for kind in KINDS}
        words = ["--another"] if self.random.random() < 0.4 else []
        done, before, after = self.subid("grant", "--count", "3", *words, *(["--reuse-left"] if reuse else []), name)
        if before != after:
            raise Wrong("a lease changes the tables")
        room = True
        for kind in KINDS:
            held = self.held_by(owner, kind)
            left = {i for i, k in self.known_leases[kind].items() if k.state == "left" and k.owner not in mine and not reuse}
            given = self.leased(kind) - was[kind]
            if given - held or given & left:
                raise Wrong(f"{kind}s {sorted(given)} are leased to {name}, held are {sorted(held)}, left {sorted(left)}")
            free = held - was[kind] - left
            room &= any({i, i + 1, i + 2} <= free for i in free)
        if "no room" in done.stderr:
            self.counts["lease full"] += 1
            if room:
                raise Wrong(f"{name} is refused, and there is room")
        self.counts[f"lease {'done' if done.returncode == 0 else 'refused'}"] += 1

    def unlease(self):
        owner, name, mine = self.some_container()
        reuse = ["--reuse"] if self.random.random() < 0.25 else []
        was = [self.leases.tables()]
        done, before, after = self.subid("revoke", *reuse, name)
        if before != after:
            raise Wrong("a lease changes the tables")
        was.append(self.leases.tables())
        if done.returncode == 0:
            self.counts["unlease done"] += 1
            for kind in KINDS:
                gone = set(owners_of(was[0][kind])) - set(owners_of(was[1][kind]))
                if reuse:
                    self.leases.models[kind].clear(gone - held_of(was[0][kind]))
                elif gone - held_of(was[1][kind]):
                    raise Wrong(f"{kind}s {sorted(gone)} of {name} do not rest")

    def restore_lease(self):
        owner, name, mine = self.some_container()
        leases = self.leases.tables()
        done, before, after = self.subid("grant", "--restore", name)
        if before != after:
            raise Wrong("a lease changes the tables")
        blocked = wanted = False
        for kind in KINDS:
            got = set(owners_of(read_file(STORE[kind]))) - set(owners_of(leases[kind]))
            had = {i for i, k in self.known_leases[kind].items() if k.state != "has" and k.owner in mine}
            if done.returncode == 0 and got != had:
                raise Wrong(f"{kind}s {sorted(had)} were {name}'s, restored are {sorted(got)}")
            wanted |= bool(had)
            blocked |= bool(had - self.held_by(owner, kind)) or bool(had & set(owners_of(leases[kind])))
        if (done.returncode == 0) != (wanted and not blocked):
            raise Wrong(f"{'nobody has' if not blocked else 'others have'} what {name} had: {done.returncode} {done.stderr}")
        self.counts[f"restore of a lease {'done' if done.returncode == 0 else 'refused'}"] += 1

    def edit_leases(self):
        """Whoever writes the store by hand."""
        text, action, choice = self.leases.tables(), self.random.choice(("drop", "drop", "swap", "add", "empty")), self.random.random()
        for kind in KINDS if self.random.random() < 0.7 else (self.random.choice(KINDS),):
            lines = (text[kind] or "").splitlines()
            at = int(choice * len(lines))
            name = self.some_container()[1]
            if action == "add":
                lines.insert(at, "{}:{}:{}".format(name, self.random.randrange(FIRST, LAST - 2), 3))
            elif action == "empty":
                lines = []
            elif lines and action == "drop":
                del lines[at]
            elif lines and not lines[at].startswith("!"):
                lines[at] = ":".join([name, *lines[at].split(":")[1:]])
            with open(STORE[kind] + ".new", "w") as file:
                file.write("".join(line + "\n" for line in lines))
            os.rename(STORE[kind] + ".new", STORE[kind])
        self.what = f"edit of leases: {action}"
        if self.verbose:
            print(f"{self.step}: edit of leases, {action}: {self.leases.tables()}")

    def list_only(self):
        self.subid("list")

    # --- what others do ------------------------------------------------------------------

    def useradd(self):
        """userdel and useradd, with or without a new range."""
        name = self.user()
        self.run("userdel", name)
        if self.random.random() < 0.5:
            self.list_released()
        more = ("-K", f"SUB_UID_COUNT={COUNT}", "-K", f"SUB_GID_COUNT={COUNT}") if self.random.random() < 0.5 else ()
        try:
            self.add_account(name, self.users[name], *more)
        except Wrong:
            self.add_account(name, self.users[name])  # no room

    def usermod(self):
        start, count = self.some_range()
        flags = self.random.choice((("-v", "-w"), ("-V", "-W"), ("-v",), ("-W",)))
        self.run("usermod", *(word for flag in flags for word in (flag, f"{start}-{start + count - 1}")), self.user())

    def edit(self):
        """An editor: without locks, and without a backup."""
        text = self.tables()
        action = self.random.choice(("drop", "drop", "swap", "cut", "add", "empty", "hold", "number"))
        same = self.random.random() < 0.7
        choice = self.random.random()
        for kind in KINDS if same else (self.random.choice(KINDS),):
            lines = (text[kind] or "").splitlines()
            at = int(choice * len(lines))
            if action == "add":
                lines.insert(at, "{}:{}:{}".format(self.user(), *self.some_range()))
            elif action == "hold":
                lines = [line for line in lines if not line.startswith("!")]
            elif action == "empty" and choice < 0.3:
                lines = []
            elif lines and action == "drop":
                del lines[at]
            elif lines and action in ("swap", "number"):
                owner, rest = lines[at].split(":", 1)
                user = self.user()
                lines[at] = f"{user if action == 'swap' else self.users[user]}:{rest}"
            elif lines and action == "cut":
                owner, start, count = lines[at].split(":")
                if int(count) > 4:
                    lines[at] = f"{owner}:{int(start) + 2}:{int(count) - 4}"
            self.what = f"edit: {action}"
            with open(TABLES[kind] + ".new", "w") as file:
                file.write("".join(line + "\n" for line in lines))
            os.rename(TABLES[kind] + ".new", TABLES[kind])
        if self.verbose:
            print(f"{self.step}: edit {action}: {self.tables()}")

    def set_back(self):
        """Tables, ledger or leases, alone or in pairs, as they were up to three steps ago."""
        name, lines, leases = self.random.choice(self.snapshots)
        what = self.random.choice((("tables",), ("ledger",), ("leases",), ("tables", "ledger"), ("tables", "leases"), ("ledger", "leases")))
        if "tables" in what:
            self.restore(name, TABLES.values())
        if "leases" in what:
            self.restore(name, STORE.values())
        if "ledger" in what:
            self.restore(name, [LEDGER])
            self.lines.set_back(lines)
            self.leases.set_back(leases)
        self.what = f"set back: {what} {name}"
        self.counts["set back " + "+".join(what)] += 1
        if self.verbose:
            print(f"{self.step}: {self.what}: {self.tables()}")

    # --- what is said --------------------------------------------------------------------

    def list_released(self):
        what = self.what
        tables, leases = self.tables(), self.leases.tables()
        wanted = self.lines.to_be_said(tables) | self.leases.to_be_said(leases)
        done = self.run("subid", "--json", "list", "--released")
        self.check_said(wanted, done)
        self.what = what
        if done.returncode != 0:
            raise Wrong(f"list --released: {done.returncode} {done.stderr}")
        self.lines.look(tables)
        self.leases.look(leases)
        said = {kind: collections.defaultdict(list) for kind in KINDS}
        for row in json.loads(done.stdout)["released"]:
            for i in range(row["start"], row["end"] + 1):
                if FIRST <= i <= LAST:
                    said[row["kind"]][i].append((row["owner"] or "", row["state"], row.get("by") or ""))
        for kind in KINDS:
            lines = self.lines.models[kind].released(tables[kind])
            held = self.leases.models[kind].released(leases[kind])
            for i in IDS:
                wanted = [(row[0], row[1], row[2] or "") for row in (lines.get(i), held.get(i)) if row]
                if sorted(wanted) != sorted(said[kind][i]):
                    raise Wrong(f"{kind} {i}: listed is {said[kind][i]}, the model says {wanted}")
            self.counts["ids listed"] += len(lines)
            self.counts["leased ids listed"] += len(held)

    def one_step(self, set_back):
        steps = (
            [self.grant] * 5 + [self.grant_range] * 3 + [self.restore_former] * 2 + [self.revoke] * 3 + [self.hold]
            + [self.unhold] * 2 + [self.rename] + [self.lease] * 3 + [self.unlease, self.restore_lease] * 2 + [self.edit_leases] + [self.list_only] + [self.useradd] * 2
            + [self.usermod] * 2 + [self.edit] * 3 + ([self.set_back] * 2 if set_back else [])
        )
        self.random.choice(steps)()
        # what nobody looks at between two changes of others must not be lost, either
        if self.random.random() < 0.8:
            self.list_released()
            self.snapshot()


def main():
    seed, steps = int(sys.argv[1]), int(sys.argv[2])
    host = Host(seed, "-v" in sys.argv)
    try:
        host.list_released()
        host.snapshot()
        for host.step in range(1, steps + 1):
            host.one_step("--set-back" in sys.argv)
    except Wrong as wrong:
        print(f"seed {seed}, step {host.step}: {host.what}: {wrong}")
        return 1
    finally:
        shutil.rmtree(host.kept, ignore_errors=True)
    print(", ".join(f"{count} {what}" for what, count in sorted(host.counts.items())))
    # not in each history is a place of leases full, or a lease restored: test_ledger_leases has them
    for what in ("grant done", "grant refused", "grant full", "revoke done", "unhold done", "rename done", "ids listed",
                 "lease done", "unlease done", "restore of a lease refused", "leased ids listed"):
        if host.counts[what] == 0 and steps > 300:
            print(f"seed {seed}: no {what}")
            return 1
    return 0


sys.exit(main())
