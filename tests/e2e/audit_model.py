#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The auditor's rules about lines, owners and ranges once more, written from the
catalogue alone and as plainly as can be, to hold `subid audit` against.

    audit_model.py SEED CASES LINES DIR     random tables of up to LINES lines beneath DIR
    audit_model.py SEED large LINES DIR     LINES lines with few defects among them

Says what differs, and ends with 1 then."""
import bisect
import collections
import json
import os
import random
import re
import subprocess
import sys

NO_ID = 4294967295
WANTED = 65534  # nobody's, where the owner's own id is 0
LOW = 20  # grants
FLOOD = 1000  # of one rule and kind, told one by one
KINDS = ("uid", "gid")
HOLDS = (b"!released", b"!reserved")
RESERVED = [(0, 0), (60001, 60705), (61184, 65519), (65534, 65535), (2147352576, 2147418111)]
CONVENTION = [(1, 999), (524288, 1879048191), (2147483648, NO_ID - 1)]
BLANKS = b" \t\n\v\f\r"

Entry = collections.namedtuple("Entry", "line owner start end")
Account = collections.namedtuple("Account", "name uid gid shell")


def parse_entry(text):
    """Our reading of a line: owner, start and end; None if it is no entry."""
    m = re.fullmatch(rb"([^:]+):(0|[1-9][0-9]*):([1-9][0-9]*)", text, re.S)
    if not m or re.search(rb"[\x00-\x1f\x7f]", m[1]) or m[1].strip(b" ") != m[1] or m[1][:1] == b"#":
        return None
    start, end = int(m[2]), int(m[2]) + int(m[3])
    return (m[1], start, end) if end <= NO_ID else None


def number(field):
    """What programs make of a number: plain, value, negative, is all of it read."""
    m = re.match(rb"([ \t\v\f\r]*)([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)", field)
    if not m:
        return None
    value = int(m[3], 16) if m[3][:2].lower() == b"0x" else int(m[3])
    plain = re.fullmatch(rb"0|[1-9][0-9]*", field) is not None
    return plain, min(value, 2**64 - 1), m[2] == b"-" and value > 0, m.end() == len(field)


def odd_rules(text):
    """The rules that a line which is no entry breaks."""
    found = set()
    if len(text) > 1023:
        found.add("long-line")
    if text == b"" or b"\0" in text:
        return found | {"malformed"}
    rest = text.strip(BLANKS)
    if rest != text or b"\t" in text or b"\r" in text:
        found.add("stray-blank")
    if rest == b"":
        return found
    if rest[:1] == b"#":
        return found | {"comment"}
    fields = rest.split(b":")
    if len(fields) < 3 or b"" in fields[:3]:
        return found | {"malformed"}
    if len(fields) > 3:
        found.add("extra-field")
    if fields[0].strip(BLANKS) != fields[0]:
        found.add("stray-blank")
    start, count = number(fields[1]), number(fields[2])
    if start is None or count is None:
        return found | {"malformed"}
    if not start[0] or not count[0]:
        found.add("ambiguous-number")
    empty = count[1] == 0 and count[3]
    beyond = start[0] and count[0] and start[1] + count[1] > NO_ID
    wraps = count[2] or start[1] + count[1] >= 2**64
    if wraps or (empty and start[1] == 0 and start[3]) or (beyond and start[1] == 0 and not empty):
        found.add("every-id")
    elif empty:
        found.add("empty-range")
    if beyond and not wraps and not empty:
        found.add("beyond-last-id")
    return found or {"malformed"}


def read_file(etc, name):
    try:
        with open(os.path.join(etc, name), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


class Model:
    def __init__(self, etc):
        self.found = []
        passwd = [l.split(b":") for l in read_file(etc, "passwd").splitlines()]
        self.accounts = [Account(f[0], int(f[2]), int(f[3]), f[6]) for f in passwd]
        groups = [l.split(b":") for l in read_file(etc, "group").splitlines()]
        self.groups = {f[0] for f in groups}
        self.expired = {l.split(b":")[0] for l in read_file(etc, "shadow").splitlines() if l.split(b":")[7:8] not in ([], [b""])}
        self.by_name, self.by_uid = {}, {}
        for account in self.accounts:
            self.by_name.setdefault(account.name, account)
            self.by_uid.setdefault(account.uid, account)
        self.ids = {
            "uid": {a.uid for a in self.accounts},
            "gid": {a.gid for a in self.accounts} | {int(f[2]) for f in groups},
        }
        defs = dict(l.split()[:2] for l in read_file(etc, "login.defs").decode().splitlines())
        self.window = {k: tuple(int(defs.get(f"SUB_{k.upper()}_{x}", d)) for x, d in
                                (("MIN", 100000), ("MAX", 600100000), ("COUNT", 65536))) for k in KINDS}
        self.entries, self.odd = {}, {}
        for kind in KINDS:
            self.read_table(kind, read_file(etc, "sub" + kind))

    def tell(self, rule, kind, line, other=0, count=1):
        self.found.append((rule, kind, line, other, count))

    def read_table(self, kind, text):
        self.entries[kind], self.odd[kind] = [], 0
        lines = text.split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        elif text:
            self.tell("no-final-newline", kind, len(lines))
        for number_, line in enumerate(lines, 1):
            entry = parse_entry(line)
            if entry:
                self.entries[kind].append(Entry(number_, *entry))
                if len(line) > 1023:
                    self.tell("long-line", kind, number_)
                continue
            self.odd[kind] += 1
            for rule in odd_rules(line):
                self.tell(rule, kind, number_)

    # --- who is who

    def is_number(self, owner):
        return re.fullmatch(rb"0|[1-9][0-9]*", owner) is not None and int(owner) <= NO_ID

    def account(self, owner):
        return self.by_uid.get(int(owner)) if self.is_number(owner) else self.by_name.get(owner)

    def who(self, owner):
        """One value for all spellings of an account."""
        account = self.account(owner)
        return account.uid if account else owner

    def own(self, owner, kind):
        account = self.account(owner)
        return (account.uid if kind == "uid" else account.gid) if account else None

    def grants(self, kind):
        return [e for e in self.entries[kind] if not self.is_hold(e.owner)]

    def is_hold(self, owner):
        """Of ours, or of apptainer for a user that it has disabled."""
        return owner[:1] == b"!" and len(owner) > 1

    # --- owners

    def owners(self):
        for kind in KINDS:
            seen, first = set(), {}
            for e in self.entries[kind]:
                if self.is_hold(e.owner) and e.owner not in HOLDS and e.owner not in seen:
                    self.tell("disabled-owner", kind, e.line)
                    seen.add(e.owner)
            for e in self.grants(kind):
                account = self.account(e.owner)
                first.setdefault(self.who(e.owner), e)
                if account and account.uid != 0 and e.start <= self.own(e.owner, kind) < e.end:
                    self.tell("own-id-inside", kind, e.line)
                if e.owner in seen:
                    continue
                seen.add(e.owner)
                namesake = self.by_name.get(e.owner)
                if self.is_number(e.owner) and namesake and namesake.uid != int(e.owner):
                    self.tell("owner-name-is-number", kind, e.line)
                if e.owner[:1].isdigit() and not self.is_number(e.owner):
                    self.tell("owner-starts-with-digit", kind, e.line)
                if not account and not (self.is_number(e.owner) and namesake) and e.owner not in (b"containers", b"dockremap"):
                    group = kind == "gid" and e.owner in self.groups and e.owner not in (u.owner for u in self.grants("uid"))
                    self.tell("group-as-owner" if group else "unknown-owner", kind, e.line)
                main = first[self.who(e.owner)]
                if main.owner != e.owner:
                    self.tell("two-spellings", kind, e.line, main.line)
        told = set()
        for e in self.grants("uid") + self.grants("gid"):
            account = self.account(e.owner)
            if not account or account.uid == 0 or account.uid in told:
                continue
            told.add(account.uid)
            shown = self.by_uid[account.uid]
            if shown.shell.endswith((b"/nologin", b"/false")) or shown.name in self.expired:
                self.tell("weak-owner", None, e.line)

    # --- ranges

    def ranges(self):
        for kind in KINDS:
            low, high, _ = self.window[kind]
            claims = [c for c in RESERVED if c[0] != 0]
            for first, last in CONVENTION:
                claims += [(first, min(last, low - 1)), (max(first, high + 1), last)]
            ids = sorted(self.ids[kind])
            for e in self.grants(kind):
                if e.start == 0:
                    self.tell("includes-root", kind, e.line)
                inside = ids[bisect.bisect_left(ids, e.start):bisect.bisect_left(ids, e.end)]
                if any(i not in (0, self.own(e.owner, kind)) for i in inside):
                    self.tell("overlap-account", kind, e.line)
                if any(first <= last and e.start <= last and first < e.end for first, last in claims):
                    self.tell("overlap-reserved", kind, e.line)
                if e.start < low or e.end > high + 1:
                    self.tell("outside-window", kind, e.line)

    def pairs(self, entries):
        """Every two that share an id."""
        active = []
        for e in sorted(entries, key=lambda e: (e.start, e.line)):
            active = [a for a in active if a.end > e.start]
            for a in active:
                yield (a, e) if a.line < e.line else (e, a)
            active.append(e)

    def overlaps(self):
        for kind in KINDS:
            for a, b in self.pairs(self.entries[kind]):
                held = [self.is_hold(e.owner) for e in (a, b)]
                same = (a.start, a.end) == (b.start, b.end)
                if same and {a.owner, b.owner} in ({b"root", b"_lxd"}, {b"root", b"lxd"}):
                    continue
                if all(held):
                    continue
                if any(held):
                    a, b = (b, a) if held[0] else (a, b)
                    self.tell("overlap-held", kind, a.line, b.line)
                elif self.who(a.owner) == self.who(b.owner):
                    self.tell("self-overlap", kind, a.line, b.line)
                else:
                    self.tell("overlap-owners", kind, a.line, b.line)
            first = {}
            for e in self.entries[kind]:
                main = first.setdefault((e.owner, e.start, e.end), e)
                if main is not e:
                    self.tell("duplicate-line", kind, e.line, main.line)

    # --- what each account holds

    def pieces(self, entries):
        """The ids of these lines, as separate pieces in order."""
        merged = []
        for start, end in sorted((e.start, e.end) for e in entries):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(end, merged[-1][1])
            else:
                merged.append([start, end])
        return merged

    def holdings(self):
        held = {kind: collections.defaultdict(list) for kind in KINDS}
        for kind in KINDS:
            for e in self.grants(kind):
                held[kind][self.who(e.owner)].append(e)
        both = all(self.window[kind][2] > 0 for kind in KINDS)
        for who in set(held["uid"]) | set(held["gid"]):
            sides = [held[kind].get(who) for kind in KINDS]
            if both and not all(sides):
                kind = "uid" if sides[0] else "gid"
                self.tell("one-sided", kind, held[kind][who][0].line)
            elif both and self.pieces(sides[0]) != self.pieces(sides[1]):
                self.tell("unequal", None, sides[0][0].line)
        for kind in KINDS:
            for entries in held[kind].values():
                self.sizes(kind, entries)

    def sizes(self, kind, entries):
        pieces = self.pieces(entries)
        if all(end - start < WANTED for start, end in pieces):
            enough = sum(end - start for start, end in pieces) >= WANTED
            self.tell("fragmented" if enough else "small", kind, entries[0].line)
        for a, b in zip(entries, entries[1:]):
            if a.owner == b.owner and a.end == b.start:
                self.tell("mergeable", kind, a.line, b.line)

    def filling(self):
        """Only for tables whose lines all programs read alike."""
        for kind in KINDS:
            low, high, count = self.window[kind]
            if count == 0:
                continue
            taken = [(e.start, e.end) for e in self.entries[kind]]
            taken += [(i, i + 1) for i in self.ids[kind]] + [(a, b + 1) for a, b in RESERVED]
            free, slots = low, 0
            for start, end in sorted(taken) + [(high + 1, high + 1)]:
                slots += max(0, min(start, high + 1) - free) // count
                free = max(free, end)
            level = "full" if slots == 0 else "low" if slots < LOW else "filling"
            if slots < LOW or slots < (high + 1 - low) // count // 10:
                self.tell("window-" + level, kind, 0)

    def run(self):
        self.owners()
        self.ranges()
        self.overlaps()
        self.holdings()
        self.filling()
        unsure = {("window-" + x, kind) for x in ("full", "low", "filling") for kind in KINDS if self.odd[kind]}
        return self.flood(f for f in self.found if f[:2] not in unsure), unsure

    def flood(self, found):
        """Of a flood only the sum is known."""
        sums = collections.Counter()
        found = list(found)
        for rule, kind, _, _, count in found:
            sums[rule, kind] += 1
        kept = {f for f in found if sums[f[:2]] <= FLOOD}
        return kept | {(*key, "flood", n) for key, n in sums.items() if n > FLOOD}


RULES = """every-id ambiguous-number extra-field beyond-last-id empty-range stray-blank long-line malformed
comment no-final-newline duplicate-line owner-name-is-number own-id-inside owner-starts-with-digit unknown-owner
two-spellings group-as-owner weak-owner includes-root overlap-owners overlap-account overlap-reserved overlap-held
disabled-owner one-sided unequal outside-window self-overlap small mergeable fragmented window-full window-low
window-filling""".split()


def program(root, unsure):
    """What subid says, in the form of the model."""
    run = subprocess.run(["subid", "--root", root, "--json", "audit", "--fail-on", "never"],
                         stdout=subprocess.PIPE, check=True)
    report = json.loads(run.stdout)
    found, sums = [], collections.Counter()
    for f in [f for whole in report["findings"] for f in (whole, *whole.get("also", []))]:
        key = f["rule"], f.get("kind")
        if f["rule"] not in RULES or key in unsure:
            continue
        found.append((*key, f.get("line", 0), f.get("other_line", 0), f.get("count", 1)))
        sums[key] += 1
    floods = {key for key, n in sums.items() if n > FLOOD}
    totals = collections.Counter()
    for f in found:
        totals[f[:2]] += f[4]
    return {f for f in found if f[:2] not in floods} | {(*key, "flood", totals[key]) for key in floods}


# --- random tables

PASSWD = """root:x:0:0::/root:/bin/bash
daemon:x:1:1::/:/usr/sbin/nologin
alice:x:1001:1001::/:/bin/bash
al:x:1001:1001::/:/bin/bash
bob:x:1002:1002::/:/bin/bash
carol:x:1003:1003::/:/bin/false
dora:x:150000:160000::/:/bin/bash
1005:x:1006:1006::/:/bin/sh
eve:x:1005:1005::/:/bin/sh
7up:x:1007:1007::/:/bin/sh
_lxd:x:999:999::/:/bin/sh
lock:x:1009:1009::/:/bin/sh
nobody:x:65534:65534::/:/usr/sbin/nologin
"""
GROUP = "root:x:0:\ndaemon:x:1:\nusers:x:100:alice\nteam:x:170000:\nalice:x:1001:\nnogroup:x:65534:\n"
SHADOW = "alice:$y$abc:1::::::\nlock:!:1:::::7:\nbob:!:1::::::\n"
OWNERS = """alice al 1001 bob 1002 carol dora 150000 1005 1006 eve 7up 007 1001foo ghost 4242 users team root _lxd lxd
containers dockremap !released !reserved !bob !1001 daemon 1 lock nobody""".split() + ["a b", "é"]
ODD = [b"#", b"#alice:100000:65536", b"", b" ", b"\t", b"alice", b"alice:1", b":1:1", b"alice::1", b"alice:1:", b"a:x:1",
       b"alice:1:x", b"alice:0:0", b"alice:00:0", b"bob:0x0:0", b"bob:5:0", b"bob:5:-0", b"bob:0:-1", b"bob:1:18446744073709551615",
       b"bob:1:0xffffffffffffffff", b"bob:0100000:10", b"bob:0x186a0:10", b"bob:+100000:10", b"bob: 100000:10",
       b"bob:100000 :10", b"bob:100000:010", b"bob:100000:10x", b"bob:-5:10", b"bob:100000:10:", b"bob:100000:10:x:y",
       b" bob:100000:10", b"bob:100000:10 ", b"bob:100000:10\r", b"bob :100000:10", b"b\tb:100000:10", b"b\rb:1:1",
       b"bob:4294967295:1", b"bob:4294967290:6", b"bob:99999999999:1", b"bob:0:4294967296", b"bo\0b:1:1", b"b\x01b:100000:10",
       b"x" * 1100, b"x" * 1012 + b":100000:65536", b":::", b"bob:08:08", b"bob:0x:1", b"bob:99999999999999999999:1",
       b"bob:\t5:1", b"#\r", b" # x", b"bob:0:0:", b"bob:0:0 ", b"alice:100000:65536:"]
STARTS = [0, 1, 500, 999, 1001, 1002, 60000, 60001, 61183, 61184, 65519, 65534, 65535, 99999, 100000, 149999, 150000, 150001, 165536,
          169999, 170000, 231072, 300000, 524288, 600034465, 600034466, 600100000, 2147352575, 2147483648, 4294901759]
COUNTS = [1, 2, 10, 1000, 20000, 32768, 32767, 32766, 40000, 65533, 65534, 65535, 65536, 65537, 200000]


def random_line(rng):
    if rng.random() < 0.15:
        return rng.choice(ODD)
    start = rng.choice(STARTS) if rng.random() < 0.3 else 100000 + rng.randrange(200) * 32768
    count = rng.choice(COUNTS)
    if start + count > NO_ID:
        count = NO_ID - start
    return f"{rng.choice(OWNERS)}:{start}:{count}".encode()


def random_table(rng, most):
    lines = [random_line(rng) for _ in range(rng.randrange(most + 1))]
    if lines and rng.random() < 0.3:
        lines.append(rng.choice(lines))
    if lines and rng.random() < 0.3:  # one that adjoins another
        entry = parse_entry(rng.choice(lines))
        if entry and entry[2] + 5 < NO_ID:
            lines.append(b"%s:%d:5" % (entry[0], entry[2]))
    if lines and rng.random() < 0.3:  # two that are clean and the same
        lines = [l for l in lines if parse_entry(l)]
    text = b"".join(l + b"\n" for l in lines)
    return text[:-1] if rng.random() < 0.1 else text


def write(root, name, text):
    os.makedirs(os.path.join(root, "etc"), exist_ok=True)
    with open(os.path.join(root, "etc", name), "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())


def write_accounts(root, defs=""):
    for name, text in (("passwd", PASSWD), ("group", GROUP), ("shadow", SHADOW), ("login.defs", defs)):
        write(root, name, text)


def random_case(rng, root, most):
    defs = ""
    if rng.random() < 0.3:
        low = rng.choice([60001, 100000, 130000])
        for kind in KINDS:
            defs += f"SUB_{kind.upper()}_MIN {low}\nSUB_{kind.upper()}_MAX {low + rng.choice([5000000, 6700000, 4294000000])}\n"
        defs += rng.choice(["", "SUB_GID_COUNT 0\n", "SUB_UID_COUNT 1000\n", "UID_MIN 1002\n"])
    write_accounts(root, defs)
    uids = random_table(rng, most)
    write(root, "subuid", uids)
    write(root, "subgid", uids if rng.random() < 0.4 else random_table(rng, most))


def large_case(rng, root, n):
    """Clean lines, one owner each, and a dozen defects among them."""
    passwd = "".join(f"u{i}:x:{1900000000 + i}:{1900000000 + i}::/:/bin/sh\n" for i in range(n))
    width = 5000
    lines = [b"u%d:%d:%d" % (i, 100000 + i * width, width) for i in range(n)]
    rng.shuffle(lines)
    for _ in range(6):
        at = rng.randrange(n)
        owner, start, end = parse_entry(lines[at])
        lines[at] = b"%s:%d:%d" % (owner, start, end - start + rng.choice([1, 10, 5000]))
    for odd in rng.sample(ODD, 12):
        lines[rng.randrange(n)] = odd
    lines[rng.randrange(n)] = b"ghost:%d:10" % 700000000
    text = b"".join(l + b"\n" for l in lines)
    write_accounts(root, "SUB_UID_COUNT 5000\nSUB_GID_COUNT 5000\n")
    write(root, "passwd", PASSWD + passwd)
    write(root, "subuid", text)
    lines[rng.randrange(n)] = b"u1:%d:7" % 710000000
    write(root, "subgid", b"".join(l + b"\n" for l in lines))


def compare(root, name):
    wanted, unsure = Model(os.path.join(root, "etc")).run()
    got = program(root, unsure)
    if got == wanted:
        return True
    for f in sorted(wanted - got, key=str):
        print(f"{name}: not found: {f}")
    for f in sorted(got - wanted, key=str):
        print(f"{name}: found, and should not be: {f}")
    return False


def main():
    seed, cases, lines, top = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
    if cases == "large":
        large_case(random.Random(seed), top, lines)
        return 0 if compare(top, f"seed {seed}, large") else 1
    for i in range(int(cases)):
        random_case(random.Random(f"{seed}/{i}"), top, lines)
        if not compare(top, f"seed {seed}, case {i}"):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
