# SPDX-License-Identifier: MIT
"""The operations that are measured: each prepares the files of N lines, is done by a
program of ours, shadow's or the floor, in the way that it is told to (measure.py), and
is looked at: who measures a wrong answer measures nothing.

passwd, subuid and subgid have N lines each, and what is sought stands on the last.
valgrind does not run setuid programs, so copies of the two newuidmap are called
by root for a process of root's in a new user namespace, and root has its line in
the table as anybody else; neither newuidmap makes an exception for root.
"allowed" asks for that line and writes the map, "denied" for the one before, which
is somebody else's.  usermod is told the range to give, which spares it the search.
"""
import collections
import os
import re
import shutil
import subprocess
import sys

import tables
from measure import ours, run, theirs

STORE = "/var/lib/subid"
AUDITED = "/etc/audited"
FLOOR = ours("bench/floor")
SUBUID, SUBGID, PASSWD = "/etc/subuid", "/etc/subgid", "/etc/passwd"


def lines_of(path, owner):
    with open(path, encoding="ascii") as file:
        return sum(line.startswith(owner + ":") for line in file)


class Operation:
    """ours(), theirs() if there is such a peer, and floor(), which may answer None, are
    to be measured as how() does; prepare() comes before, also between two."""
    peer = True

    def __init__(self, name):
        self.name = name

    def prepare(self, n):
        tables.make(n, "/etc")
        for name in ("subuid", "subgid"):  # nothing gets what is leased
            tables.write(STORE, name, "")
            for directory in ("/etc", STORE):  # what the row before has freed
                if os.path.exists("%s/%s-" % (directory, name)):
                    os.unlink("%s/%s-" % (directory, name))

    def floor(self, how):
        return how([FLOOR, "find", "root", SUBUID])


class Find(Operation):
    def prepare(self, n):
        super().prepare(n)
        if run([ours("getsubids"), "root"]) != run([theirs("getsubids"), "root"]):
            sys.exit("getsubids answers not what shadow's does")

    def ours(self, how):
        return how([ours("getsubids"), "root"])

    def theirs(self, how):
        return how([theirs("getsubids"), "root"])


class Map(Operation):
    """newuidmap for a new process, which waits in its namespace until we are done."""

    def __init__(self, name, allowed):
        super().__init__(name)
        self.allowed = allowed

    def prepare(self, n):
        super().prepare(n)
        self.ids = tables.width(n)
        self.start = tables.FIRST + (n - 1 if self.allowed else n - 2) * self.ids

    def map(self, how, program):
        target = subprocess.Popen(["unshare", "--user", "cat"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        target.stdin.write(b"x")
        target.stdin.flush()
        target.stdout.read(1)
        result = how([program, str(target.pid), "0", str(self.start), str(self.ids)],
                     0 if self.allowed else 1)
        with open("/proc/%d/uid_map" % target.pid, encoding="ascii") as file:
            written = file.read().split()
        target.stdin.close()
        target.wait()
        if written != (["0", str(self.start), str(self.ids)] if self.allowed else []):
            sys.exit("%s left the map %s" % (program, written))
        return result

    def ours(self, how):
        return self.map(how, ours("newuidmap"))

    def theirs(self, how):
        return self.map(how, theirs("newuidmap"))

    def floor(self, how):
        return how([FLOOR, "find", "root", SUBUID, PASSWD])


class Give(Operation):
    """One range more, for the last of N; the tables in order, or shuffled, which has no
    peer then, and with a group for each account."""

    def __init__(self, name, shuffled=False, groups=False):
        super().__init__(name)
        self.peer = not shuffled
        self.shuffled, self.groups = shuffled, groups

    def prepare(self, n):
        super().prepare(n)
        self.n = n
        tables.make(n, "/etc", self.groups)
        if self.shuffled:
            for name in ("subuid", "subgid"):
                tables.write("/etc", name, tables.table(n, self.shuffled))

    def give(self, how, command):
        self.prepare(self.n)
        # the first look at tables that are new to the ledger is another matter
        ledger = STORE + "/ledger"
        if os.path.exists(ledger):
            os.unlink(ledger)
        subprocess.run([ours("subid"), "-q", "list", "--released"], check=True)
        result = how(command)
        if [lines_of(SUBUID, "root"), lines_of(SUBGID, "root")] != [2, 2]:
            sys.exit("%s gave no range" % command[0])
        return result

    def ours(self, how):
        return self.give(how, [ours("subid"), "-q", "grant", "--another", "root"])

    def theirs(self, how):
        ids = tables.width(self.n)
        first = tables.FIRST + self.n * ids
        span = "%d-%d" % (first, first + ids - 1)
        return self.give(how, [theirs("usermod"), "-v", span, "-w", span, "root"])

    def floor(self, how):
        return how([FLOOR, "give", "root", SUBUID, SUBGID, PASSWD])


class FirstLook(Give):
    """The same where there is no ledger yet."""

    def ours(self, how):
        self.prepare(self.n)
        if os.path.exists(STORE + "/ledger"):
            os.unlink(STORE + "/ledger")
        result = how([ours("subid"), "-q", "grant", "--another", "root"])
        if os.path.getsize(STORE + "/ledger") < 20 * self.n:
            sys.exit("subid grant made no ledger")
        return result

    def floor(self, how):
        return None


class GiveBeside(Operation):
    """One range, where the ledger has N others that accounts have left, each apart."""
    peer = False

    def prepare(self, n):
        tables.make(100, "/etc")
        ledger = STORE + "/ledger"
        if os.path.exists(ledger):
            os.unlink(ledger)
        kept = {name: open("/etc/" + name, encoding="ascii").read() for name in ("subuid", "subgid")}
        for name in kept:
            tables.write("/etc", name, "".join(
                "left%d:%d:10000\n" % (i, 600000000 + 20000 * i) for i in range(n)))
        run([ours("subid"), "-q", "list", "--released"])
        for name, text in kept.items():
            tables.write("/etc", name, text)
        run([ours("subid"), "-q", "list", "--released"])
        with open(ledger, encoding="ascii") as file:
            if sum(" l ff " in line for line in file) < n:
                sys.exit("the ledger does not have what was left")

    def ours(self, how):
        result = how([ours("subid"), "-q", "grant", "--another", "root"])
        if lines_of(SUBUID, "root") < 2:
            sys.exit("subid grant gave no range")
        return result

    def floor(self, how):
        return None


class GiveMany(Operation):
    """N ranges in one transaction, to N accounts that have none."""
    peer = False

    def prepare(self, n):
        super().prepare(n + 1)
        self.n = n
        tables.write("/etc", "names", "".join("u%d\n" % i for i in range(n)))

    def ours(self, how):
        for name in ("subuid", "subgid"):
            tables.write("/etc", name, "")
        result = how([ours("subid"), "-q", "grant", "--from", "/etc/names"])
        given = lines_of(SUBUID, "u%d" % (self.n - 1)), sum(1 for _ in open(SUBGID))
        if given != (1, self.n):
            sys.exit("subid grant --from gave %s" % (given,))
        return result

    def floor(self, how):
        return None


class RevokeMany(Operation):
    """All ranges of a tenth of N owners at once, each other of whom has a lease; in an
    image, whose homes are not looked into: that takes a child for each, and valgrind long
    for each of these."""
    peer = False
    IMAGE = "/run/image"

    def prepare(self, n):
        self.n = n
        shutil.rmtree(self.IMAGE, ignore_errors=True)
        for name in ("/etc", STORE):
            os.makedirs(self.IMAGE + name)
        tables.make(n, self.IMAGE + "/etc")
        tables.write("/etc", "names", "".join("u%d\n" % i for i in range(0, n - 1, 10)))
        ids = tables.width(n)
        for name in ("subuid", "subgid"):
            tables.write(self.IMAGE + STORE, name, "".join(
                "u%d/c:%d:%d\n" % (i, tables.FIRST + i * ids, ids)
                for i in range(n) if i % 10 > 0))
        run(self.command("list", "--released"))

    def command(self, *words):
        return [ours("subid"), "--root", self.IMAGE, "-q", *words]

    def ours(self, how):
        result = how(self.command("revoke", "--from", "/etc/names"))
        with open(self.IMAGE + SUBUID, encoding="ascii") as file:
            held = sum(line.startswith("!released:") for line in file)
        if held != len(range(0, self.n - 1, 10)):
            sys.exit("subid revoke --from holds %d ranges" % held)
        return result

    def floor(self, how):
        return None


class Lease(Operation):
    """A range for a container of the last of N owners, each other of whom has one."""
    peer = False

    def prepare(self, n):
        super().prepare(n)
        self.n = n

    def ours(self, how):
        ids = tables.width(self.n)
        for name in ("subuid", "subgid"):
            tables.write(STORE, name, "".join(
                "u%d/c:%d:%d\n" % (i, tables.FIRST + i * ids, ids)
                for i in range(self.n - 1)))
        # by a host whose ledger knows the leases
        if os.path.exists(STORE + "/ledger"):
            os.unlink(STORE + "/ledger")
        subprocess.run([ours("subid"), "-q", "list", "--released"], check=True)
        result = how([ours("subid"), "-q", "grant", "root/web"])
        if [lines_of(STORE + "/" + name, "root/web") for name in ("subuid", "subgid")] != [1, 1]:
            sys.exit("subid grant leased nothing")
        return result

    def floor(self, how):
        return (how([FLOOR, "give", "u0/c", STORE + "/subuid", STORE + "/subgid"])
                + how([FLOOR, "find", "root", SUBUID, SUBGID, PASSWD]))


class Login(Operation):
    """The second login of the last of N: what a session with the module takes more than
    one without."""
    peer = False

    def prepare(self, n):
        super().prepare(n)
        os.makedirs("/etc/bench-pam", exist_ok=True)
        line = "session required "
        tables.write("/etc/bench-pam", "without", line + "pam_permit.so\n")
        tables.write("/etc/bench-pam", "with", line + "pam_permit.so\n"
                     + line + ours("pam_subid.so") + "\n")

    @staticmethod
    def command(service, *times):
        return [ours("bench/login"), "/etc/bench-pam", service, "root", *times]

    def ours(self, how):
        return how(self.command("with")) - how(self.command("without"))

    def floor(self, how):
        return how([FLOOR, "find", "root", SUBUID, SUBGID, PASSWD])

    def changes(self, service):
        """How often a session makes each system call that locks, writes or sends."""
        said = run(["strace", "-f", "-qq", "-o", "/etc/strace"] + self.command(service))
        if "Success" not in said:
            sys.exit("a login ends with %s" % said)
        with open("/etc/strace", encoding="ascii", errors="replace") as file:
            calls = [line.split(None, 1)[1].split("(")[0] for line in file
                     if re.search(r"O_WRONLY|O_RDWR|O_CREAT|SETLK|^\d+ +(flock|rename\w*|"
                                  r"link\w*|unlink\w*|\w*write\w*|send\w*|socket|connect|"
                                  r"f?truncate|f\w*sync|f?ch(mod|own)\w*|mk\w*)\(", line)]
        return collections.Counter(calls)

    def changes_more(self):
        """The calls that the module adds: there should be none."""
        return self.changes("with") - self.changes("without")


class List(Operation):
    peer = False

    def prepare(self, n):
        super().prepare(n)
        if run([ours("subid"), "list"]).count("\n") != 2 * n:
            sys.exit("subid list does not print all lines")

    def ours(self, how):
        return how([ours("subid"), "list"])

    def floor(self, how):
        return None


class Names(Operation):
    """The names of whom N files of N owners' ids belong to: what find takes more with
    libnss_subid.  Of few accounts, since glibc reads passwd once more for each id that is
    not in it."""
    peer = False
    command = ["find", "/run/names", "-type", "f", "-printf", "%u %g\\n"]

    def prepare(self, n):
        super().prepare(n)
        tables.write("/etc", "passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.n = n
        shutil.rmtree("/run/names", ignore_errors=True)
        for i in range(n):
            directory = "/run/names/%d" % (i // 1000)
            path = "%s/%d" % (directory, i)
            os.makedirs(directory, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
            os.chown(path, *[tables.FIRST + i * tables.width(n)] * 2)

    def list(self, how, sources):
        tables.write("/etc", "nsswitch.conf", "".join(
            "%s: %s\n" % (database, sources) for database in ("passwd", "group")))
        os.environ["LD_LIBRARY_PATH"] = os.path.dirname(ours("libnss_subid.so.2"))
        try:
            said = run(self.command)
            if said.count("+") != (2 * self.n if "subid" in sources else 0):
                sys.exit("%s shows %d names" % (self.command[0], said.count("+")))
            return how(self.command)
        finally:
            del os.environ["LD_LIBRARY_PATH"]
            tables.write("/etc", "nsswitch.conf",
                         "passwd: files systemd\ngroup: files systemd\n")

    def ours(self, how):
        return self.list(how, "files subid") - self.list(how, "files")

    def floor(self, how):
        return None


class Ls(Names):
    """All that ls -lR takes, with the module and without: its own list of the ids that it
    has asked for grows by their square."""
    peer = True
    command = ["ls", "-lR", "/run/names"]

    def ours(self, how):
        return self.list(how, "files subid")

    def theirs(self, how):
        return self.list(how, "files")


class Load(Operation):
    """What the library takes for one table."""
    peer = False

    def __init__(self, name, shuffled=False):
        super().__init__(name)
        self.shuffled = shuffled

    def prepare(self, n):
        tables.write("/etc", "subuid", tables.table(n, self.shuffled))

    def ours(self, how):
        return how([ours("bench/load"), "/etc"])


class Audit(Operation):
    """Of N lines in each table, in order: alike, or with other gids."""
    peer = False

    def __init__(self, name, shift):
        super().__init__(name)
        self.shift = shift

    def prepare(self, n):
        os.makedirs(AUDITED + "/etc", exist_ok=True)
        tables.make_audited(n, AUDITED + "/etc", self.shift)

    def ours(self, how):
        return how([ours("subid"), "--root", AUDITED, "-q", "audit", "--partial",
                    "--fail-on", "critical"])

    def floor(self, how):
        return sum(how([FLOOR, "find", "u1", AUDITED + "/etc/" + name])
                   for name in ("subuid", "subgid"))


FIND = Find("getsubids, last user")
GIVE = Give("give one range")
GIVE_MANY = GiveMany("give 10,000 ranges")
FIRST_LOOK = FirstLook("the ledger's first look")
GIVE_BESIDE = GiveBeside("give, N left ranges")
LOGIN = Login("second login (PAM)")
LEASE = Lease("lease for a container")
REVOKE_MANY = RevokeMany("revoke N/10 at once")
NAMES = Names("names of N ids")
LS = Ls("ls -lR of N ids")
AUDIT = Audit("audit", 0)
AUDIT_SHIFTED = Audit("audit, gids differ", 1)
LOAD = Load("load a table")

# by size, with shadow's
PEERS = [FIND, Map("newuidmap, allowed", True), Map("newuidmap, denied", False), GIVE]
# by size, without a peer
ALONE = [Give("- unsorted tables", shuffled=True),
         Give("- and N groups", shuffled=True, groups=True), LEASE,
         REVOKE_MANY, LOGIN,
         List("list"), NAMES]
# up to a million lines
MILLION = [LOAD, Load("load, unsorted", shuffled=True), AUDIT, AUDIT_SHIFTED]
