# SPDX-License-Identifier: MIT
"""What is swept: the commands that write, PAM's session, the helpers, the readers.

To add a command that writes, add a row to WRITERS at the end.
"""
import ctypes
import glob
import os
import re
import shutil
import signal
import subprocess
import sys

import trace
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
import shift_sweep  # noqa: E402
import shift_tree  # noqa: E402

T = trace.T
PRE = f"{T}/pre/bin"
ALICE = 5001
TABLES = ("/etc/subuid", "/etc/subgid")
STORE = ("/var/lib/subid/subuid", "/var/lib/subid/subgid")
# and no newline at the end
ODD = "# kept\nother:200000:10\nbroken:line\n\nx:0900:1"
RANGES = "alice:100000:65536\nbob:165536:65536\n"


def get(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def put(path, content):
    if content is None:
        if os.path.exists(path):
            os.unlink(path)
        return
    with open(path, "w", encoding="latin-1") as f:
        f.write(content)


# The ledger, its lock, and drafts, which go when it is compacted.
LEDGER = re.compile(r"/var/lib/subid/ledger(\.lock|\.[0-9a-f]{8}=?)?$")


def litter():
    files = glob.glob("/etc/sub[ug]id[!-]*") + glob.glob("/var/lib/subid/*[!-]*")
    return [f for f in files if f not in TABLES + STORE and not f.endswith("-") and not LEDGER.match(f)]


class Scenario:
    closely = False

    def __init__(self, name):
        self.name = name

    def strace_options(self):
        return []

    def own_calls(self, calls):
        """Of the calls after the dynamic loader's: those that are ours."""
        return calls

    def wants(self, point):
        return True

    def start_rival(self):
        return None

    def end_rival(self, rival):
        pass

    def clean_up(self):
        pass


class Writer(Scenario):
    """A command that changes files: each is the old one or the new one, and whole."""

    def __init__(self, name, before, words, files=TABLES, again=(0,), closely=False,
                 none_without=("passwd",)):
        super().__init__(name)
        self.none_without = none_without
        self.before, self.words, self.files = before, words, files
        self.again_with, self.closely = again, closely
        self.after = self.out = None
        self.was_new = self.was_full = False
        self.rival_wrong = []

    def argv(self):
        return [f"{PRE}/subid"] + self.words.split()

    def prepare(self):
        # locks of the dead stay: they must block nobody
        old = [path for path in litter() if not path.endswith(".lock")]
        for path in old + glob.glob("/etc/sub[ug]id-") + glob.glob("/var/lib/subid/sub[ug]id-") + glob.glob("/var/lib/subid/ledger*") + list(STORE):
            if os.path.exists(path):
                os.unlink(path)
        for path in self.files:
            put(path, self.before.get(path, self.before[""]))

    def learn(self, answer):
        self.after = [get(path) for path in self.files]
        self.out = answer.out
        before = [self.before.get(path, self.before[""]) for path in self.files]
        self.old = [None if b is None else b.encode("latin-1") for b in before]
        if not self.done(answer) or self.after == self.old:
            raise SystemExit(f"{self.name}: untampered with: {answer}")

    def done(self, answer):
        return answer.status == 0

    def state(self):
        """How many files are new; None if one is neither old nor new."""
        new = 0
        for path, old, after in zip(self.files, self.old, self.after):
            content = get(path)
            if content not in (old, after):
                return None
            new += old != after and content == after
        return new

    def look(self, point, answer, rival):
        if rival:
            yield from self.look_beside_rival(answer)
            return
        new = self.state()
        if new is None:
            yield f"a file is neither old nor new: {[get(f) for f in self.files]}"
            return
        self.was_new = new > 0
        full = sum(old != after for old, after in zip(self.old, self.after))
        self.was_full = new == full
        yield from self.judge(point, answer, new, full)

    def judge(self, point, answer, new, full):
        if answer.status == -9:
            return
        if answer.status == 0:
            if new != full:
                yield f"done, it says, but {new} of {full} files are new"
            if answer.out != self.out:
                yield f"done, but it prints {answer.out!r}"
        elif answer.status == 1 and "ENOENT" in (point.inject or "") and any(f'"{n}"' in point.line for n in self.none_without):
            if new:  # without accounts there is none of that name, without tables nobody holds ids
                yield f"no, it says, but {new} files are new"
        elif answer.status == 3:
            yield from self.judge_failure(point, answer, new, full)
        else:
            yield "that status is neither done nor failed"

    def judge_failure(self, point, answer, new, full):
        says = answer.err
        if "only one of subuid and subgid could be replaced" in says:
            if new == 0 or new == full:
                yield f"only one, it says, but {new} are new"
            if point.way != "fails-on":
                yield "it could have been put back"
        elif "the change is made all the same" in says:
            if new != full:
                yield f"made, it says, but {new} of {full} are new"
        elif says.startswith("subid: "):
            if new:
                yield f"not done, it says, but {new} are new"
        elif not (point.call == "write" and ("fails" in point.way)):
            yield "no message"
        elif new and new != full:
            yield "no message, and half done"

    def again(self, rival):
        before = self.state()
        answer = trace.run(self.argv())
        if answer.status not in (self.again_with or (0, 1)) and not rival:
            yield f"ended with {answer.status}: {answer.err!r}"
        # what goes on from the half that was done may well come to another end
        whole = self.again_with is not None or before == 0
        now = [get(f) for f in self.files]
        if not rival and whole and now != self.after and not (before == 0 and self.is_elsewhere(now)):
            yield f"leaves {now}"
        if rival:
            yield from self.look_beside_rival(None)
        yield from self.look_for_litter(rival)

    def is_elsewhere(self, now):
        """The same but for where new ranges begin: what a run that was killed had begun to
        give rests."""
        def shape(contents):
            return [sorted(line if line in (old or b"").split(b"\n") else re.sub(rb":\d+:", b"::", line)
                           for line in (content or b"").split(b"\n")) for content, old in zip(contents, self.old)]
        return shape(now) == shape(self.after) and (len(set(self.after)) > 1 or len(set(now)) == 1)

    def look_for_litter(self, rival):
        for path in litter():
            # a draft, or the old file under another name, stays until the next change;
            # and a lock until somebody wants it, who has nothing to do wants none
            if path.endswith(".lock") and (path.startswith("/var") or self.was_full):
                continue
            if not (path.endswith(("+", "=")) and (rival or self.was_new)):
                yield f"leaves {path}"

    # a second command at the same moment

    def start_rival(self):
        return subprocess.Popen([f"{PRE}/subid", "grant", "--another", "--count", "7", "bob"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def end_rival(self, rival):
        self.rival_wrong = []
        if rival is not None:
            err = rival.communicate()[1]
            if rival.returncode != 0:
                self.rival_wrong = [f"the other command: {err!r}"]

    def look_beside_rival(self, answer):
        yield from self.rival_wrong
        self.rival_wrong = []
        if answer is not None and not self.done(answer):
            yield "it failed beside another command"
        for path in TABLES:
            yield from self.overlaps(path)
            if b"bob:" not in (get(path) or b"") or b":7\n" not in get(path):
                yield f"the other command's line is lost from {path}"

    def overlaps(self, path):
        lines = (get(path) or b"").decode("latin-1").splitlines()
        old = (self.before.get(path, self.before[""]) or "").splitlines()
        for line in old:
            if not line.startswith(("alice:", "!", "bob:")) and line not in lines:
                yield f"{path} has lost {line!r}"
        end, spans = 0, []
        for line in lines:
            words = line.split(":")
            if len(words) == 3 and words[1].isdigit() and words[2].isdigit():
                spans.append((int(words[1]), int(words[1]) + int(words[2]), line))
            elif line not in old:
                yield f"{path} has a line {line!r}"
        for start, stop, line in sorted(spans):
            if start < end:
                yield f"{path}: {line!r} overlaps another"
            end = max(end, stop)


class Both(Writer):
    """A command that changes the tables and a store of leases, one after the other."""

    def judge_failure(self, point, answer, new, full):
        parts = answer.err.count("the change is made all the same")
        if "its part of the change is made all the same" in answer.err:
            if (new in (0, full)) == (parts == 1):
                yield f"{parts} of the two parts, it says, but {new} of {full} are new"
            return
        if point.call == "write" and point.way == "fails-on" and not answer.err:
            return  # the message is a write, too
        yield from super().judge_failure(point, answer, new, full)


class Former(Writer):
    """Ids that alice had, and an editor has taken out of the tables: the ledger knows."""

    def prepare(self):
        super().prepare()
        for content in ("alice:100010:20\n", None):
            for path in TABLES:
                put(path, content or self.before[""])
            subprocess.run([f"{PRE}/subid", "-q", "list", "--released"], check=True)


class FormerLease(Writer):
    """A lease that a container of alice's had, and that is in no store any more."""

    def prepare(self):
        super().prepare()
        for lease in ("alice/c1:100000:1000\n", ""):
            for path in STORE:
                put(path, self.before[""] + lease)
            subprocess.run([f"{PRE}/subid", "-q", "list", "--released"], check=True)


class Freed(Writer):
    """Ids that are taken back, and held until it has been looked once more: two changes."""

    def state(self):
        self.stages = []
        for path, old, after in zip(self.files, self.old, self.after):
            content = get(path)
            if content not in (old, HELD_PART, after):
                return None
            self.stages.append((old, HELD_PART, after).index(content))
        return sum(stage > 0 for stage in self.stages)

    def judge(self, point, answer, new, full):
        held = "taken back, but the ids are held" in answer.err
        if max(self.stages) - min(self.stages) > 1:
            yield f"the files are at {self.stages}"
        if answer.status == 0 and self.stages != [2, 2]:
            yield f"done, it says, but the files are at {self.stages}"
        if held and self.stages != [1, 1] and point.way != "fails-on":
            yield f"held, it says, but the files are at {self.stages}"
        if answer.status == 3 and self.stages == [1, 1] and not held and point.call != "write":
            yield "not a word that the ids are held"
        if not held and 1 not in self.stages:
            yield from super().judge(point, answer, new, full)

    def again(self, rival):
        if rival:
            yield from super().again(rival)
            return
        answer = trace.run(self.argv())
        if answer.status not in (0, 1):
            yield f"ended with {answer.status}: {answer.err!r}"
        if [get(path) for path in self.files] != self.after:
            answer = trace.run([f"{PRE}/subid", "-q", "unhold", "100010:20"])
        if [get(path) for path in self.files] != self.after:
            yield f"leaves {[get(path) for path in self.files]}: {answer}"
        yield from self.look_for_litter(rival)


class Synced(Writer):
    """subid sync: what the directory gives, and has taken back.  A program in the place of
    subid-ldap answers.  What fails for one line is left out, and said."""

    sample = 30  # each looks at all that runs

    PROGRAM = f"{PRE}/subid-ldap"
    CONF = "directory ldaps://directory.test\nbase dc=test\npool main 1000000-1999999 block 10\n"
    RANGES = ("alice", 1000000, 60000, "granted"), ("bob", 1200000, 10, "granted"), ("!released", 1300000, 10, "released")

    def prepare(self):
        super().prepare()
        put("/etc/subid.conf", self.CONF)
        if not os.path.exists(self.PROGRAM + ".away"):
            os.rename(self.PROGRAM, self.PROGRAM + ".away")
            rows = [f"{owner} {kind} {start} {start + count - 1} {count} {state}"
                    for owner, start, count, state in self.RANGES for kind in ("uid", "gid")]
            # claims are rows of the same form, and of any owner
            put(self.PROGRAM, "#!/bin/sh\ncat <<'END'\n" + "\n".join(rows) + "\nEND\n")
            os.chmod(self.PROGRAM, 0o755)

    def state(self):
        self.partial = False
        new = 0
        for path, old, after in zip(self.files, self.old, self.after):
            content = get(path)
            new += content == after
            if content not in (old, after):
                self.partial = True
                if not self.is_part(content.split(b"\n"), old.split(b"\n"), after.split(b"\n")):
                    return None
        return new

    @staticmethod
    def is_part(now, old, after):
        """Some of the changes are made: each range has a line, and one alone."""
        ids = [line.partition(b":")[2] for line in now if line.count(b":") == 2]
        return set(old) & set(after) <= set(now) <= set(old) | set(after) and len(ids) == len(set(ids)) and \
            all(line in now or b"!released:" + line.partition(b":")[2] in now for line in old)

    def judge(self, point, answer, new, full):
        left_out = any(f"subid: {owner}: " in answer.err for owner in ("alice", "bob"))
        if self.partial and not (answer.status == 3 and left_out):
            yield "only some of the changes are made, and it does not say so"
        elif not self.partial and not (answer.status == 3 and left_out and new > 0):
            # a range that is left out may be there already, and all is as it is to be
            yield from super().judge(point, answer, new, full)

    def again(self, rival):
        for what in super().again(rival):
            now = [sorted(get(path).split(b"\n")) for path in self.files]
            if not what.startswith("leaves [") or now != [sorted(after.split(b"\n")) for after in self.after]:
                yield what

    def clean_up(self):
        put("/etc/subid.conf", None)
        if os.path.exists(self.PROGRAM + ".away"):
            os.rename(self.PROGRAM + ".away", self.PROGRAM)


class Session(Writer):
    """A login: pam_subid.so in the stack of a service, required."""

    def argv(self):
        return self.words.split() and super().argv() or ["pamtester", "only", "alice", "open_session"]

    def prepare(self):
        super().prepare()
        self.words = ""

    def own_calls(self, calls):
        """The module's, from its first to PAM's audit record of the session."""
        lines = [line for _, _, line in calls]
        first = next(i for i, line in enumerate(lines) if line.startswith('openat(AT_FDCWD, "/etc", '))
        last = max(i for i, line in enumerate(lines) if "NETLINK_AUDIT" in line and line.startswith("socket("))
        return calls[first:last]

    def done(self, answer):
        return answer.status == 0 and "successfully opened" in answer.out

    def judge(self, point, answer, new, full):
        says = "successfully opened" in answer.out
        if says and answer.status == 0 and new != full:
            yield f"opened, it says, but {new} of {full} files are new"
        # the program has done its work; with its answer and the tables unreadable, no
        # session is what a module can say that does not know
        if answer.status > 0 and new and point.way != "fails-on":
            yield f"no session, but {new} files are new"

    def again(self, rival):
        # one who has a range looks without a lock, so locks of the dead stay
        answer = trace.run(self.argv())
        if not self.done(answer):
            yield f"ended with {answer.status}: {answer.err!r}"
        self.words = "grant alice"
        yield from super().again(rival)


libc = ctypes.CDLL(None, use_errno=True)
PR_SET_DUMPABLE, CLONE_NEWUSER = 4, 0x10000000


class Target:
    """A process of a uid, and the gid of that number, in a new user namespace without maps."""

    def __init__(self, uid):
        ready, tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
            r = libc.unshare(CLONE_NEWUSER)
            os.write(tell, b"0" if r == 0 else b"1")
            while True:
                signal.pause()
        os.close(tell)
        if os.read(ready, 1) != b"0":
            raise SystemExit("no user namespace")
        os.close(ready)

    def map(self, kind):
        with open(f"/proc/{self.pid}/{kind}_map", encoding="ascii") as f:
            return [tuple(map(int, line.split())) for line in f]

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


class Helper(Scenario):
    """newuidmap or newgidmap, called by alice: the map is written as asked, or not."""

    def __init__(self, name, kind, allowed):
        super().__init__(name)
        self.kind, self.allowed = kind, allowed
        self.closely = not allowed  # nothing may turn a no into a yes
        self.target = None

    def argv(self):
        start = 100000 if self.allowed else 165536  # bob's
        self.asked = [(0, start, 1000)]
        return [f"{PRE}/new{self.kind}map", str(self.target.pid)] + "0 {} 1000".format(start).split()

    def strace_options(self):
        return ["-u", "alice"]

    def wants(self, point):
        # preloading does not reach what has privilege, and nobody else is waited for
        return point.way not in ("short", "delayed")

    def prepare(self):
        self.clean_up()
        for path in TABLES:
            put(path, RANGES)
        put("/run/subid-refusals", None)  # refusals are counted, and some not logged
        self.target = Target(ALICE)

    def clean_up(self):
        if self.target is not None:
            self.target.end()
        self.target = None

    def learn(self, answer):
        if (answer.status == 0) != self.allowed or (self.target.map(self.kind) == self.asked) != self.allowed:
            raise SystemExit(f"{self.name}: untampered with: {answer}")

    def look(self, point, answer, rival):
        got = self.target.map(self.kind)
        if got not in ([], self.asked if self.allowed else []):
            yield f"the map is {got}"
        if answer.status == 0 and got != self.asked:
            yield f"done, it says, but the map is {got}"
        if answer.status == 1 and got:
            yield "refused, it says, but the map is written"
        if answer.status not in (0, 1, -9):
            yield "that status is neither"
        if answer.status == 1 and not answer.err and point.call != "write":
            yield "no message"
        if [get(path) for path in TABLES] != [RANGES.encode()] * 2:
            yield "the tables were touched"

    def again(self, rival):
        self.prepare()
        answer = trace.run(["setpriv", f"--reuid={ALICE}", f"--regid={ALICE}", "--clear-groups"] + self.argv())
        if (answer.status == 0) != self.allowed:
            yield f"ended with {answer.status}: {answer.err!r}"


class Shift(Scenario):
    """Files get other ids: each has all of its own, or waits for the next run without its bits."""

    def __init__(self, name):
        super().__init__(name)
        self.tree = f"{T}/shifted"
        self.wanted = self.out = None

    def argv(self):
        return [f"{PRE}/subid", "shift", self.tree, "--from", f"{shift_sweep.OLD}:65536", "--to", f"{shift_sweep.NEW}:65536"]

    def wants(self, point):
        return point.way != "delayed"

    def clean_up(self):
        shutil.rmtree(self.tree, ignore_errors=True)

    def prepare(self):
        self.clean_up()
        shift_tree.make_small(self.tree, shift_sweep.OLD)
        self.wanted = shift_sweep.model(shift_sweep.listing(self.tree))

    def learn(self, answer):
        self.out = answer.out
        if answer.status != 0 or shift_sweep.listing(self.tree) != self.wanted:
            raise SystemExit(f"{self.name}: untampered with: {answer}")

    def look(self, point, answer, rival):
        if shift_tree.whole(self.tree, shift_sweep.OLD, shift_sweep.NEW):
            yield "a file has its bits and ids of both ranges"
        if answer.status == 0 and (answer.out != self.out or shift_sweep.listing(self.tree) != self.wanted):
            yield f"done, it says, but it is not: {answer.out!r}"
        if answer.status not in (0, 3, -9):
            yield "that status is neither done nor failed"
        if answer.status == 3 and not answer.err and point.call != "write":
            yield "no message"

    def again(self, rival):
        answer = trace.run(self.argv())
        if answer.status != 0:
            yield f"ended with {answer.status}: {answer.err!r}"
        if shift_sweep.listing(self.tree) != self.wanted:
            yield "it is not as the model has it"


class Share(Scenario):
    """Shared storage: what is mounted is whole and recorded, and nobody else can get a store's
    ids; the same command again comes to the same end."""
    store, point = "root/s", "/run/subid/share/alice/@all/root/s"
    tables = "alice:300000:65536\nroot:900000:300000\n"

    def __init__(self, name, before, words, again=(0,)):
        super().__init__(name)
        self.before, self.words, self.again_with = before, words, again
        self.dir = f"{T}/shared/store"
        self.wanted = self.out = None
        self.advised = False

    def argv(self):
        return [f"{PRE}/subid", "share"] + self.words.replace("DIR", self.dir).split()

    def wants(self, point):
        return point.way != "delayed"

    def clean_up(self):
        while self.mounts():
            subprocess.run(["umount", "-l", self.point], check=False)
        for path in (os.path.dirname(self.dir), "/run/subid/share", "/var/lib/subid/shares"):
            shutil.rmtree(path, ignore_errors=True)
        for path in glob.glob("/var/lib/subid/*"):
            os.unlink(path)

    def prepare(self):
        self.clean_up()
        for path in TABLES:
            put(path, self.tables)
        for words in self.before:
            command = ["umount", self.point] if words == "boot" else [f"{PRE}/subid", "-q", "share"] + words.replace("DIR", self.dir).split()
            if words == "tree":
                os.makedirs(self.dir, mode=0o700)
                os.chmod(os.path.dirname(self.dir), 0o700)
                os.chmod(self.dir, 0o755)
                put(self.dir + "/file", "x")
                continue
            answer = trace.run(command)
            if answer.status != 0:
                raise SystemExit(f"{self.name}: {words}: {answer}")

    def mounts(self):
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            return [line for line in f if f" {self.point} " in line]

    def facts(self):
        """What there is: the record, but for what each new directory has anew; the mounts; the
        ids on the disk; and who has these."""
        record = b"".join(get(path) or b"" for path in glob.glob("/var/lib/subid/shares/*[0-9]"))
        owners = [os.stat(path).st_uid for path in (self.dir, self.dir + "/file") if os.path.exists(path)]
        lines = [(get(path) or b"").decode().splitlines() for path in STORE]
        record = re.sub(rb"(?m)^(inode|device|filesystem) .*\n", b"", record)
        return record, len(self.mounts()), owners, [sorted(part) for part in lines]

    def learn(self, answer):
        self.wanted, self.out = self.facts(), answer.out
        if answer.status != 0:
            raise SystemExit(f"{self.name}: untampered with: {answer}")

    def look(self, point, answer, rival):
        record, n, owners, lines = self.facts()
        for line in self.mounts():
            if n > 1 or "nosuid" not in line or "nodev" not in line or "idmapped" not in line or os.stat(self.point).st_uid != 300000:
                yield f"what is mounted is not whole: {line}"
            if b"\nmount" not in record:
                yield "mounted, and not recorded"
        for uid in owners:
            if uid >= 900000 and b"%d" % uid not in record and not any(f":{uid}:" in line for line in lines[0]):
                yield f"the ids of the files, {uid}, are anybody's: {record} {lines}"
        if [get(path) for path in TABLES] != [self.tables.encode()] * 2:
            yield "the tables were touched"
        if answer.status == 0 and (answer.out != self.out or self.facts() != self.wanted):
            yield f"done, it says, but it is not: {answer.out!r} {self.facts()}"
        if answer.status not in (0, 1, 3, -9):
            yield "that status is neither done nor failed"
        if answer.status in (1, 3) and not answer.err and point.call != "write":
            yield "no message"
        self.advised = "'subid revoke' these leases" in answer.err

    def again(self, rival):
        if self.advised:
            trace.run([f"{PRE}/subid", "-q", "revoke", self.store])
        answer = trace.run(self.argv())
        if b"ending" in self.facts()[0]:  # it says what ends that
            trace.run([f"{PRE}/subid", "-q", "share", "destroy", self.store])
            answer = trace.run(self.argv())
        if answer.status not in self.again_with:
            yield f"ended with {answer.status}: {answer.err!r}"
        got = self.facts()
        # what a run that was killed has leased may rest now, and others are leased
        shapes = [(re.sub(rb"[0-9]+", b"", record), n, len(owners)) for record, n, owners, _ in (got, self.wanted)]
        if shapes[0] != shapes[1]:
            yield f"leaves {got}"


class Reader(Scenario):
    """Prints what there is: all of it, or a failure that says so."""

    def __init__(self, name, words, statuses):
        super().__init__(name)
        self.words, self.statuses = words.split(), statuses
        self.right = None

    def argv(self):
        return [f"{PRE}/{self.words[0]}"] + self.words[1:]

    def prepare(self):
        for path in TABLES:
            put(path, RANGES)

    def learn(self, answer):
        self.right = answer
        if answer.status != 0 or not answer.out:
            raise SystemExit(f"{self.name}: untampered with: {answer}")

    def wants(self, point):
        return point.way != "delayed"

    def expected(self, point):
        """What it prints when it says done: a table that is not there is empty."""
        gone = [k for k in ("uid", "gid") if "ENOENT" in (point.inject or "") and f'"sub{k}"' in point.line]
        lines = self.right.out.splitlines(True)
        return "".join(line for line in lines if line.split()[1:2] != gone)

    def look(self, point, answer, rival):
        if answer.status == 0 and answer.out != self.expected(point):
            yield f"done, but it prints {answer.out!r}"
        if answer.status > 0 and (answer.status not in self.statuses or not answer.err and point.call != "write"):
            yield "neither the answer nor a failure that says so"
        if [get(path) for path in TABLES] != [RANGES.encode()] * 2:
            yield "the tables were touched"

    def again(self, rival):
        if trace.run(self.argv()) != self.right:
            yield "another answer"


class Auditor(Reader):
    """Finds what is wrong, or says that it could not look everywhere: never that all is well."""

    def prepare(self):
        for path in TABLES:
            put(path, OVERLAP)

    def learn(self, answer):
        if answer.status != 1 or FINDING not in answer.out:
            raise SystemExit(f"{self.name}: untampered with: {answer}")

    def look(self, point, answer, rival):
        if answer.status == -9:
            return
        if answer.status not in (1, 3):
            yield "neither a finding nor a failure"
        if answer.status == 1 and FINDING not in answer.out and not (point.call == "write"):
            yield f"findings, but not this one: {answer.out!r}"
        if answer.status == 3 and not answer.err and point.call != "write":
            yield "no message"
        if [get(path) for path in TABLES] != [OVERLAP.encode()] * 2:
            yield "the tables were touched"

    def again(self, rival):
        answer = trace.run(self.argv())
        if answer.status != 1 or FINDING not in answer.out:
            yield f"another answer: {answer}"


def both(text):
    return {"": text}


OVERLAP = "alice:100000:65536\nbob:120000:65536\n"
FINDING = "overlap-owners"
BULK = f"{T}/bulk"
HELD = ODD + "\n!released:100000:65536\n"
HELD_PART = (ODD + "\nalice:100000:10\nalice:100030:65506\n!released:100010:20\n").encode()
HERS = ODD + "\nalice:100000:65536\n"
WITH_STORE = TABLES + STORE
LEASABLE = {TABLES[0]: HERS, TABLES[1]: HERS, "": "other/c9:1:1\n"}
RESTING = {TABLES[0]: HELD, TABLES[1]: HELD, "": "other/c9:1:1\n!released:100010:10\n"}
GONE = ODD + "\nalice:1000000:60000\nbob:1300000:10\n"
LEASED = {TABLES[0]: HERS, TABLES[1]: HERS, "": "other/c9:1:1\nalice/c1:100000:65536\n"}

# name, what the files are before, the command
WRITERS = [
    lambda: Writer("grant", both(ODD), "grant alice", closely=True),
    lambda: Writer("grant, no tables yet", both(None), "grant alice"),
    lambda: Writer("grant --range", both(ODD), "grant --range 300000:10 alice"),
    lambda: Writer("bulk", both(ODD), f"grant --count 100 --from {BULK}"),
    lambda: Writer("revoke", both(HERS), "revoke alice", again=(0, 1)),
    lambda: Freed("revoke --range --reuse", both(HERS), "revoke --reuse --range 100010:20 alice", again=(0, 1)),
    lambda: Writer("hold", both(ODD), "hold 300000:10", again=(0, 1)),
    lambda: Writer("unhold", both(HELD), "unhold 100000:65536", again=(0, 1)),
    lambda: Writer("rename", both(HERS), "rename alice bob --another", again=(0, 1)),
    lambda: Former("grant --restore", both(ODD), "grant --restore alice", again=(0, 1)),
    lambda: Synced("sync", both(ODD), "sync alice bob"),
    lambda: Synced("sync, taken back", both(GONE), "sync"),
    lambda: Session("session", both(ODD), ""),
    lambda: Writer("lease", LEASABLE, "grant --count 1000 alice/c1", files=WITH_STORE, none_without=("passwd", "subuid", "subgid")),
    lambda: Writer("lease taken back", LEASED, "revoke alice/c1", files=WITH_STORE, again=(0, 1)),
    lambda: FormerLease("lease restored", LEASABLE, "grant --restore alice/c1", files=WITH_STORE, again=(0, 1), none_without=("passwd", "subuid", "subgid")),
    lambda: Both("unhold, with leases", RESTING, "unhold 100000:65536", files=WITH_STORE, again=(0, 1)),
    lambda: Both("lease --own", LEASABLE, "grant --own --count 1000 alice/c1", files=WITH_STORE, again=None),
    lambda: Shift("shift"),
    lambda: Share("share create", (), "create root/s DIR", again=(0, 1)),
    lambda: Share("share create, of a tree", ("tree",), "create root/s DIR", again=(0, 1)),
    lambda: Share("share mount", ("create root/s DIR",), "mount root/s alice"),
    lambda: Share("share mount --all", ("create root/s DIR", "mount root/s alice", "boot"), "mount --all"),
    lambda: Share("share umount", ("create root/s DIR", "mount root/s alice"), "umount root/s alice", again=(0, 1)),
    lambda: Share("share destroy", ("create root/s DIR",), "destroy root/s", again=(0, 1)),
    lambda: Both("lease --own taken back", LEASED, "revoke --own alice/c1", files=WITH_STORE, again=None),
]
OTHERS = [
    lambda: Helper("newuidmap", "uid", True),
    lambda: Helper("newgidmap", "gid", True),
    lambda: Helper("newuidmap, not allowed", "uid", False),
    lambda: Helper("newgidmap, not allowed", "gid", False),
    lambda: Reader("getsubids", "getsubids alice", (1,)),
    lambda: Reader("list", "subid list", (3,)),
    lambda: Auditor("audit", "subid audit", (3,)),
]
ALL = {make().name: make for make in WRITERS + OTHERS}
