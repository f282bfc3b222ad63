# SPDX-License-Identifier: MIT
"""How every command grows with the owners of a site: the last step, four times as many,
is to cost at most STEP times as much.

A site has names as sites have them, which share a prefix, counts that vary, gids unlike
the uids, and a group for each account; on request a lease of each owner's, a rule about
each, owners without an account, ids that rest.
"""
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import tables
from measure import ours

STORE = "/var/lib/subid"
RULES = "/etc/subid.conf.d"
STEP = 4.4
FIRST = 100000


def name(i):
    """30 characters, of which the first 20 are everybody's."""
    return "ad-department-person%010d" % i


def write(directory, file, lines):
    tables.write(directory, file, "".join(lines))


def ranges(n, first=FIRST):
    """Of each owner: its start and count, 40 ids apart."""
    return [(first + 40 * i, 20 + i % 7) for i in range(n)]


class Site:
    def __init__(self, n):
        self.n = n
        self.names = [name(i) for i in range(n)]

    def make(self, granted=True, orphans=0):
        people = self.names[:self.n - orphans]
        write("/etc", "passwd", ["root:x:0:0:root:/root:/bin/sh\n"] + [
            "%s:x:%d:%d:A Person %d:/home/%s:/bin/bash\n" % (who, 1000 + i, 1000 + i, i, who)
            for i, who in enumerate(people)])
        write("/etc", "group", ["root:x:0:\n"] + [
            "%s:x:%d:\n" % (who, 1000 + i) for i, who in enumerate(people)]
            + ["everybody:x:999:%s\n" % ",".join(people)])
        write("/etc", "login.defs", ["SUB_UID_COUNT 20\nSUB_GID_COUNT 20\n"])
        for kind, first in (("subuid", FIRST), ("subgid", FIRST + 10000000)):
            write("/etc", kind, [
                "%s:%d:%d\n" % (who, start, count)
                for who, (start, count) in zip(self.names, ranges(self.n, first))
                if granted])
        for file in os.listdir(STORE):
            os.unlink(os.path.join(STORE, file))
        shutil.rmtree(RULES, ignore_errors=True)
        for file in os.listdir("/etc"):
            if file.endswith("-"):
                os.unlink("/etc/" + file)
        return self

    def leases(self):
        for kind, first in (("subuid", FIRST), ("subgid", FIRST + 10000000)):
            write(STORE, kind, ["%s/web:%d:10\n" % (who, start)
                                for who, (start, _) in zip(self.names, ranges(self.n, first))])
        return self

    def rules(self, whom="user"):
        os.makedirs(RULES)
        for i in range(0, self.n, 10000):  # a file may have 1 MiB
            write(RULES, "%d.conf" % (10 + i // 10000), [
                "give %s %s count 30\n" % (whom, who) for who in self.names[i:i + 10000]])
        return self

    def some(self, part=4):
        return self.names[:self.n:part]

    def file(self, part=4):
        write("/etc", "names", [who + "\n" for who in self.some(part)])
        return "/etc/names"


class Row:
    """What is done at a site that prepare() makes.  status: what it may answer."""

    def __init__(self, title, prepare, words, status=(0,), tty=False):
        self.title, self.prepare, self.words = title, prepare, words
        self.status, self.tty = status, tty

    def command(self, n):
        site = Site(n)
        self.prepare(site)
        words = self.words(site) if callable(self.words) else self.words
        return [ours("subid")] + list(words)


def plain(site):
    return site.make()


def leased(site):
    return site.make().leases()


def last(site):
    return site.names[-1]


def ids(site, part, beyond):
    return [str(start + beyond) for start, _ in ranges(site.n)[::part]]


ROWS = [
    Row("list", plain, ["list"]),
    Row("list, with leases", leased, ["list"]),
    Row("list on a terminal", plain, ["--no-pager", "list"], tty=True),
    Row("list --json", plain, ["--json", "list"]),
    Row("list --sort owner", plain, ["list", "--sort", "owner"]),
    Row("list OWNER", leased, lambda site: ["list", last(site)]),
    Row("list OWNER...", leased, lambda site: ["list"] + site.some()),
    Row("list OWNER/NAME...", leased,
        lambda site: ["list"] + [who + "/web" for who in site.some()]),
    Row("list --released", plain, ["list", "--released"]),
    Row("id", plain, lambda site: ["id"] + ids(site, 4, 15)),
    Row("id of leased ids", leased, lambda site: ["id"] + ids(site, 4, 5)),
    Row("id of gids", plain,
        lambda site: ["id", "-g"] + [str(10000000 + int(i)) for i in ids(site, 4, 15)]),
    Row("id of accounts", plain,
        lambda site: ["id"] + [str(1000 + i) for i in range(0, site.n, 4)]),
    Row("id of nobody's", plain,
        lambda site: ["id"] + [str(900000000 + i) for i in range(0, site.n, 4)], (1,)),
    Row("id --inside OWNER/NAME...", leased,
        lambda site: ["id", "--inside", "5"] + [who + "/web" for who in site.some()]),
    Row("ps", leased, ["ps"]),
    Row("config", leased, lambda site: ["config", "lxc", last(site)]),
    Row("config OWNER/NAME", leased, lambda site: ["config", "lxc", last(site) + "/web"]),
    Row("policy explain", plain, lambda site: ["policy", "explain", last(site)]),
    Row("policy explain OWNER...", plain, lambda site: ["policy", "explain"] + site.some()),
    Row("explain OWNER..., rules", lambda site: site.make().rules(),
        lambda site: ["policy", "explain"] + site.some()),
    Row("explain, rules of groups", lambda site: site.make().rules("group"),
        lambda site: ["policy", "explain", last(site)]),
    Row("policy check", lambda site: site.make().rules(), ["policy", "check"], (0, 1)),
    Row("policy check, groups", lambda site: site.make().rules("group"), ["policy", "check"],
        (0, 1)),
    Row("status", leased, ["status"], (0, 1)),
    Row("status OWNER", leased, lambda site: ["status", last(site)], (0, 1)),
    Row("doctor", leased, lambda site: ["doctor", last(site)], (0, 1)),
    Row("audit", plain, ["audit", "--partial"], (0, 1)),
    Row("audit, leases", leased, ["audit", "--partial"], (0, 1)),
    Row("audit, half are orphans", lambda site: site.make(orphans=site.n // 2),
        ["audit", "--partial"], (0, 1)),
    Row("audit --json, leases", leased, ["--json", "audit", "--partial"], (0, 1)),
    Row("grant", plain, lambda site: ["grant", "--another", last(site)]),
    Row("grant to who has enough", plain, lambda site: ["grant", last(site)]),
    Row("grant --from", lambda site: site.make(granted=False),
        lambda site: ["grant", "--from", site.file()]),
    Row("grant --another --from", plain,
        lambda site: ["grant", "--another", "--from", site.file()]),
    Row("grant --from, have enough", plain, lambda site: ["grant", "--from", site.file()]),
    Row("grant --all", lambda site: site.make(granted=False), ["grant", "--all"]),
    Row("grant --group", lambda site: site.make(granted=False),
        ["grant", "--group", "everybody"]),
    Row("grant --from, dry run", lambda site: site.make(granted=False),
        lambda site: ["grant", "-n", "--from", site.file()]),
    Row("grant OWNER/NAME", leased, lambda site: ["grant", "-c", "5", last(site) + "/db"]),
    Row("grant OWNER/NAME...", leased,
        lambda site: ["grant", "-c", "5"] + [who + "/db" for who in site.some(64)]),
    Row("revoke", plain, lambda site: ["revoke", last(site)]),
    Row("revoke --from", plain, lambda site: ["revoke", "--from", site.file()]),
    Row("revoke --from, dry run", plain,
        lambda site: ["revoke", "-n", "--from", site.file()]),
    Row("revoke --group", plain, ["revoke", "--group", "everybody"]),
    Row("revoke --from, leased", leased,
        lambda site: ["revoke", "--from", site.file()], (1,)),
    Row("revoke OWNER/NAME", leased, lambda site: ["revoke", last(site) + "/web"]),
    Row("revoke OWNER/NAME...", leased,
        lambda site: ["revoke"] + [who + "/web" for who in site.some(64)]),
    Row("hold", plain, ["hold", "500000000:100"]),
    Row("unhold", plain, ["unhold", "500000000:100"], (0, 1)),
    Row("rename", plain, lambda site: ["rename", "--another", site.names[0], last(site)]),
    Row("completion", leased, ["complete", "--", "subid", "list", "ad-dep"], (0, 1, 2)),
    Row("shift", plain, ["shift", "/run/small", "--from", "100000:20", "--to", "200000:20", "--force"],
        (0, 1)),
]


def children(command, status, tty):
    """The millions of instructions of a command and of its children."""
    with tempfile.TemporaryDirectory(prefix="growth.") as logs:
        counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                   "--log-file=%s/%%p" % logs] + command
        if tty:
            counted = ["script", "-qec", shlex.join(counted), "/dev/null"]
        done = subprocess.run(counted, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode not in status:
            sys.exit("%s: exit status %d: %s" % (" ".join(command)[:200], done.returncode,
                                                 done.stderr[:1000]))
        total = 0
        for log in os.listdir(logs):
            with open(os.path.join(logs, log), encoding="utf-8", errors="replace") as file:
                for refs in re.findall(r"refs: *([\d,]+)", file.read()):
                    total += int(refs.replace(",", ""))
    if total == 0:
        sys.exit("callgrind says nothing about %s" % command[0])
    return total / 1e6


def judge(results, n, words):
    """Each row at n and at four times as much."""
    os.makedirs("/run/small", exist_ok=True)
    print("%-28s %12s %12s %6s" % ("M instructions", format(n, ","), format(4 * n, ","),
                                   "times"))
    for row in ROWS:
        if words and not any(word in row.title for word in words):
            continue
        few, many = [children(row.command(size), row.status, row.tty) for size in (n, 4 * n)]
        print("%-28s %12.1f %12.1f %6.2f" % (row.title, few, many, many / few), flush=True)
        if many > STEP * few:
            results.broken.append("%s: four times as many cost %.2f times as much, limit %g"
                                  % (row.title, many / few, STEP))
