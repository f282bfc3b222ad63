#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random hosts, alive: tables that others have written over a history, processes in user
namespaces, leases, and what container runtimes have written into homes.  The plan that
`subid audit --fix-plan` gives is carried out until it has nothing more, and after each:

 - it went through, what it names is gone, and no finding is there that was not before;
 - no id has changed hands: what is given is nobody's, by tables, leases, running
   namespaces, containers at rest and the history of the tables;
 - who runs a namespace has its ids still; every process runs, no lease and no file of a
   container has changed, or its owner.

    audit_plan_live.py SEED CASES LINES DIR   homes are beneath DIR; all else is this host

CASES N; or A+N, from case A on.

Says what went wrong, and which rules were planned; ends with 1 if something did."""
import collections
import ctypes
import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys

import audit_model
from audit_fix import key, pair

KINDS = audit_model.KINDS
ROUNDS_MAX = 6
NEW_USER = 0x10000000
STORE = "/var/lib/subid"
LXC, LXD = "/var/lib/lxc", "/var/lib/lxd"
KNOWN = "alice al 1001 bob 1002 carol dora 1006 eve lock".split()
OTHERS = "ghost 4242 zoe !released !bob team root containers".split()
libc = ctypes.CDLL(None, use_errno=True)

Process = collections.namedtuple("Process", "pid uid maps")
Look = collections.namedtuple("Look", "owned findings files leases")


# --- what the host is made of

def random_owner(rng):
    return rng.choice(KNOWN if rng.random() < 0.7 else OTHERS)


def random_range(rng):
    start = 100000 + rng.randrange(10) * 65536 + (rng.choice([0, 0, 10, 32768]) if rng.random() < 0.4 else 0)
    return start, rng.choice([65536, 65536, 65536, 32768, 1000, 10, 1])


def random_line(rng):
    if rng.random() < 0.1:
        return audit_model.random_line(rng)
    return b"%s:%d:%d" % (random_owner(rng).encode(), *random_range(rng))


def random_tables(rng, most):
    uids = [random_line(rng) for _ in range(rng.randrange(1, most + 1))]
    gids = [line for line in uids if rng.random() < 0.7]
    while rng.random() < 0.3:
        gids.append(random_line(rng))
    if rng.random() < 0.5:
        uids, gids = gids, uids
    return {"uid": uids, "gid": gids if rng.random() < 0.8 else uids}


def write(path, text, mode=0o644, owner=(0, 0)):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    os.chmod(path, mode)
    os.chown(path, *owner)


def write_tables(tables):
    for kind in KINDS:
        write("/etc/sub" + kind, b"".join(line + b"\n" for line in tables[kind]))


def homes(top):
    """The accounts, each with a home."""
    lines = [line.split(":") for line in audit_model.PASSWD.splitlines()]
    for fields in lines:
        fields[5] = os.path.join(top, "home", fields[0])
        os.makedirs(fields[5], exist_ok=True)
        os.chown(fields[5], int(fields[2]), int(fields[3]))
    write("/etc/passwd", "".join(":".join(fields) + "\n" for fields in lines))
    return {fields[0]: (int(fields[2]), int(fields[3]), fields[5]) for fields in lines}


def clear(top):
    shutil.rmtree(os.path.join(top, "home"), ignore_errors=True)
    for name in os.listdir("/etc"):
        if name.startswith(("subuid", "subgid")):
            os.remove(os.path.join("/etc", name))
    for directory in (STORE, LXC, LXD):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def run(*command, **more):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def subid_lines(tables):
    """Owner, start and end of each, the spellings as they are."""
    return [(kind, *entry) for kind in KINDS for entry in map(audit_model.parse_entry, tables[kind]) if entry]


# --- who runs, and who has containers

def start_process(uid, gid, space):
    """A process of that user, in a new user namespace if so."""
    done, inside = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
            if space and libc.unshare(NEW_USER) != 0:
                os._exit(1)
            null = os.open("/dev/null", os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            os.execvp("sleep", ["sleep", "infinity"])
        finally:
            os._exit(1)
    os.close(inside)
    os.read(done, 1)  # the end: it is what it will be
    os.close(done)
    return pid


def random_process(rng, accounts, lines):
    """In a namespace over some ids, of whoever holds them or of somebody else."""
    kind, owner, start, end = rng.choice(lines)
    name = owner.decode() if owner.decode() in accounts and rng.random() < 0.6 else rng.choice(list(accounts))
    uid, gid, _ = accounts[name]
    count = min(end - start, rng.choice([65536, 65536, 10]))
    if count == 0 or start + count > 600000000:
        return None
    if rng.random() < 0.15:
        return Process(start_process(start, start, False), start, {kind: (start, start + 1) for kind in KINDS})
    pid = start_process(uid, gid, True)
    maps = {}
    for other in KINDS if rng.random() < 0.7 else (kind,):
        try:
            with open(f"/proc/{pid}/{other}_map", "w") as file:
                file.write(f"0 {start} {count}\n")
            maps[other] = (start, start + count)
        except OSError as error:
            print(f"# no {other} map {start} {count} of process {pid}: {error}")
    return Process(pid, uid, maps)


def random_container(rng, accounts, lines):
    """What a runtime has written down, of a user or of root: uid of whose it is, and ids.
    A user's has no say about ids that the user does not hold: None."""
    _, owner, start, end = rng.choice(lines)
    count, number = min(end - start, 1000), rng.randrange(1000)
    name = owner.decode() if owner.decode() in accounts and rng.random() < 0.6 else rng.choice(list(accounts))
    uid, gid, home = accounts[name]
    which = rng.randrange(4)
    if which == 0:
        write(f"{home}/.local/share/lxc/c{number}/config", f"lxc.idmap = b 0 {start} {count}\n", 0o644, (uid, gid))
        return uid, None
    elif which == 1:
        text = json.dumps([{"id": f"{number}", "names": ["p"], "uidmap": [{"container_id": 0, "host_id": 1, "size": 10}],
                            "gidmap": [{"container_id": 0, "host_id": 1, "size": 10}]}])
        write(f"{home}/.local/share/containers/storage/overlay-containers/containers.json", text, 0o600, (uid, gid))
        return uid, None
    elif which == 2:
        write(f"{LXC}/c{number}/config", f"lxc.idmap = b 0 {start} {count}\n")
        uid = 0
    else:
        current = json.dumps([{"Isuid": True, "Isgid": True, "Hostid": start, "Nsid": 0, "Maprange": count}])
        write(f"{LXD}/storage-pools/default/containers/l{number}/backup.yaml", f"    volatile.idmap.current: '{current}'\n")
        uid = 0
    write(f"{home}/files/f{number}", "x", 0o600, (start, start))
    return uid, (start, start + count)


def spoil_files(rng):
    """What else is for a plan."""
    for kind in KINDS:
        table = "/etc/sub" + kind
        if rng.random() < 0.1:
            os.chmod(table, 0o666)
        if rng.random() < 0.05:
            os.chown(table, 1001, -1)
        if rng.random() < 0.1 and os.path.exists(table + "-"):
            os.chmod(table, 0o600)
        if rng.random() < 0.05:
            write(table + ".lock", "999999\0")


def random_host(rng, top, most):
    """Returns the accounts, the history of the tables, the processes and the containers."""
    clear(top)
    accounts = homes(top)
    write("/etc/group", audit_model.GROUP)
    write("/etc/shadow", audit_model.SHADOW, 0o600)
    write("/etc/nsswitch.conf", f"passwd: {rng.choice(['files'] * 5 + ['files systemd'])}\ngroup: files\n")
    write("/etc/login.defs", "SUB_UID_MIN 100000\nSUB_GID_MIN 200000\n" if rng.random() < 0.1 else "")
    tables, history = random_tables(rng, most), []
    if rng.random() < 0.5:  # the ledger has learned of others before
        former = random_tables(rng, most)
        write_tables(former)
        run("subid", "grant", "-q", "--another", "--count", "10", "bob")
        run("subid", "status")
        history = subid_lines(former)
    write_tables(tables)
    for name in rng.sample(KNOWN, 3):
        run("subid", "grant", "-q", "--count", "10", f"{name}/c{rng.randrange(3)}")
    lines = subid_lines(tables) + history
    processes, containers = [], []
    for _ in range(rng.randrange(4) if lines else 0):
        processes.append(random_process(rng, accounts, lines))
    for _ in range(rng.randrange(3) if lines else 0):
        containers.append(random_container(rng, accounts, lines))
    if rng.random() < 0.3:  # an editor
        kind = rng.choice(KINDS)
        del tables[kind][rng.randrange(len(tables[kind]) + 1):]
        write_tables(tables)
    spoil_files(rng)
    return accounts, history, [p for p in processes if p], containers


# --- what must stay

def audit():
    said = run("subid", "--json", "audit", "--fail-on", "never", "--partial")
    if said.returncode != 0:
        raise RuntimeError(f"audit: {said.returncode}: {said.stderr}")
    return [f for whole in json.loads(said.stdout)["findings"] for f in (whole, *whole.get("also", []))]


def read_leases():
    return {kind: sorted(audit_model.read_file(STORE, "sub" + kind).splitlines()) for kind in KINDS}


def files_below(*tops):
    found = {}
    for top in tops:
        for path, directories, names in os.walk(top):
            for name in directories + names:
                st = os.lstat(os.path.join(path, name))
                found[os.path.join(path, name)] = st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode), st.st_mtime_ns
    return found


def look(top):
    """What each owner has: kind, who, start, end."""
    model = audit_model.Model("/etc")
    owned = [(kind, None if model.is_hold(e.owner) else model.who(e.owner), e.start, e.end)
             for kind in KINDS for e in model.entries[kind]]
    return Look(owned, audit(), files_below(os.path.join(top, "home"), LXC, LXD), read_leases())


def of(owned, kind, who):
    return [(start, end) for k, w, start, end in owned if k == kind and w == who]


def without(pieces, taken):
    """The pieces without what was taken."""
    for low, high in taken:
        pieces = [part for start, end in pieces for part in ((start, min(end, low)), (max(start, high), end)) if part[0] < part[1]]
    return pieces


def meets(pieces, start, end):
    return [p for p in pieces if p[0] < end and start < p[1]]


def others(host, before, kind, who):
    """What is somebody else's, and why: not to be given to that one."""
    accounts, history, processes, containers = host
    model = audit_model.Model("/etc")
    for k, w, start, end in before.owned:
        if k == kind and w != who:
            yield start, end, f"is {w}'s, in the table"
    for k, owner, start, end in history:
        if k == kind and model.who(owner) != who and not model.is_hold(owner):
            yield start, end, f"was {owner.decode()}'s"
    for p in processes:
        if kind in p.maps and p.uid != who:
            yield *p.maps[kind], f"is mapped by process {p.pid} of uid {p.uid}"
    for uid, ids in containers:
        if ids and uid != who:
            yield *ids, f"is a container's of uid {uid}"
    for line in before.leases[kind]:
        entry = audit_model.parse_entry(line)
        if entry and model.who(entry[0].split(b"/")[0]) != who:
            yield entry[1], entry[2], f"is leased: {line}"


def hands(host, before, after):
    for kind in KINDS:
        for who in {w for k, w, _, _ in after.owned if k == kind and w is not None}:
            given = without(of(after.owned, kind, who), of(before.owned, kind, who))
            for start, end, why in others(host, before, kind, who) if given else ():
                for low, high in meets(given, start, end):
                    yield f"{kind} {low}-{high - 1} is given to {who}, and {why}"


def stays(host, before, after):
    for p in host[2]:
        try:
            os.kill(p.pid, 0)
            if os.waitpid(p.pid, os.WNOHANG)[0] != 0:
                yield f"process {p.pid} has ended"
        except (ProcessLookupError, ChildProcessError):
            yield f"process {p.pid} is gone"
        for kind, ids in p.maps.items():
            had = without([ids], without([ids], of(before.owned, kind, p.uid)))
            lost = without(had, of(after.owned, kind, p.uid))
            if lost:
                yield f"{kind}s {lost} of uid {p.uid}, which process {p.pid} maps, are taken"
    if before.files != after.files:
        yield f"files: {set(before.files.items()) ^ set(after.files.items())}"
    if before.leases != after.leases:
        yield f"leases: {before.leases} to {after.leases}"


def same(a, b):
    """Are they one finding, wherever its lines are now?"""
    if a["level"] == b["level"] == "info" and a["rule"] == b["rule"] and pair(a) == pair(b):
        return True  # who has the same ids of both kinds now is told of both
    return key(a) == key(b) and pair(a) == pair(b) and ("range" not in a or "range" not in b or a.get("file") != b.get("file") or
                                                       meets([span(a)], *span(b)))


def span(finding):
    return finding["range"]["start"], finding["range"]["start"] + finding["range"]["count"]


def carry_out(host, top, ran):
    """Carries one plan out.  What is wrong, and how many commands it had."""
    before = look(top)
    plan = run("subid", "audit", "--fix-plan", "--fail-on", "never", "--partial").stdout
    commands = [line for line in plan.splitlines() if line and not line.startswith("#")]
    told = run("sh", "-e", input=plan) if commands else None
    after = look(top)
    wrong = [f"ended with {told.returncode}: {told.stderr}"] if told and told.returncode != 0 else []
    named = [f for f in before.findings if set(f.get("fix", ["none"])) <= set(commands)]
    ran.update(f["rule"] for f in named)
    wrong += [f"does not go away: {f['rule']} {f['reason']}" for f in named if any(same(f, g) for g in after.findings)]
    wrong += [f"new: {g['level']} {g['rule']} {g['reason']}" for g in after.findings
              if not any(same(f, g) for f in before.findings)]
    wrong += hands(host, before, after)
    wrong += stays(host, before, after)
    if any("fix" in f for f in before.findings) and not commands:
        wrong.append("nothing is planned")
    return wrong, commands


def case(name, rng, top, most, ran):
    host = random_host(rng, top, most)
    try:
        for _ in range(ROUNDS_MAX):
            kept = {kind: audit_model.read_file("/etc", "sub" + kind) for kind in KINDS}
            wrong, commands = carry_out(host, top, ran)
            for what in wrong:
                print(f"{name}: {what}", *commands, sep="\n    ")
            if wrong:
                print(f"{name}: tables: {kept}; processes: {host[2]}; containers: {host[3]}; history: {host[1]}")
                return False
            if not commands:
                return True
        print(f"{name}: no end after {ROUNDS_MAX} plans")
        return False
    finally:
        for p in host[2]:
            os.kill(p.pid, signal.SIGKILL)
            os.waitpid(p.pid, 0)


def main():
    # Threat: this writes /etc, which must not be the machine's.
    if os.environ.get("HOST_MOUNTS", "") in ("", os.readlink("/proc/self/ns/mnt")):
        sys.exit("is run by tests/run, in namespaces of its own")
    seed, first, cases, most, top = sys.argv[1], 0, sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if re.fullmatch("[0-9]+[+][0-9]+", cases):  # from a case on
        first, cases = map(int, cases.split("+"))
    right, ran = True, collections.Counter()
    for i in range(first, first + int(cases)):
        right &= case(f"seed {seed}, case {i}", random.Random(f"{seed}/{i}"), top, most, ran)
    print(" ".join(f"{rule}:{n}" for rule, n in sorted(ran.items())))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
