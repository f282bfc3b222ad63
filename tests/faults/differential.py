#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random tables and requests: our helpers and lists beside shadow's and beside a model.

    differential.py CASES [SEED]        within tests/e2e/test_differential.sh

Each case is two random tables, accounts that share a uid or are called like one, and
one request.  The model below is written from the manual pages alone, and our answer
must always be the model's.  shadow's answer must be the same, or a rule of README's
"What differs from shadow's tools, on purpose" must explain it: then the two agree as
soon as what the rule is about is taken out of the case, and the rule is counted.
Prints the counts; ends with 1 at the first few differences that nothing explains.
"""
import collections
import random
import re
import subprocess
import sys

import scenarios

OURS, THEIRS = scenarios.PRE, "/usr/bin"
TABLE = {"uid": "/etc/subuid", "gid": "/etc/subgid"}
LAST = 4294967294
# name: uid; "al" is alice, too, and a login name may look like a uid
# in /etc/group bob's group has another number than he
ACCOUNTS = {"alice": 5001, "al": 5001, "bob": 5002, "5003": 5004, "carol": 5003}
CALLERS = ("alice", "bob", "carol")

# Lines that shadow 4.13 reads otherwise than the rule says: what, and how it looks.
ODD_LINES = {
    "octal": "{o}:0{s}:{c}",
    "hexadecimal": "{o}:0x{s:x}:{c}",
    "sign": "{o}:+{s}:{c}",
    "blank in front of a number": "{o}: {s}:{c}",
    "every id": "{o}:0:-1",
    "count 0": "{o}:{s}:0",
    "fourth field": "{o}:{s}:{c}:x",
    "beyond the last id": "{o}:4294900000:100000",
    "octal count": "{o}:{s}:0{c}",
}
# These nobody takes for a range.
NO_LINES = ("# {o}:{s}:{c}", "{o}:{s}", "", "{o}:{s}:", "{o}::{c}", ":{s}:{c}", "{o}:{s}:{c} ", " {o}:{s}:{c}", "{o}:{s}:{c}x")
# In subgid, too, a number is a uid: shadow takes it for the gid of the user's namesake.
NAMESAKE = "number as owner in subgid"
ODD_WORDS = {"octal number": "0{}", "hexadecimal number": "0x{:x}", "signed number": "+{}", "blank and number": " {}"}

Case = collections.namedtuple("Case", "what kind caller lines words odd")


# --- the model ---------------------------------------------------------------------------


def number(text):
    return int(text) if re.fullmatch(r"0|[1-9][0-9]{0,9}", text) and int(text) <= 4294967295 else None


def ranges(text):
    """(owner, start, count) of each line that gives something."""
    for line in text.splitlines():
        words = line.split(":")
        if len(words) != 3 or not words[0] or words[0][0] in "# \t":
            continue
        start, count = number(words[1]), number(words[2])
        if start is not None and count and start + count - 1 <= LAST:
            yield words[0], start, count


def spellings(name):
    """Who a caller is, in the tables: all names of the uid that are no numbers, and the uid."""
    uid = ACCOUNTS[name]
    return {n for n, u in ACCOUNTS.items() if u == uid and not n.isdigit()} | {str(uid)}


def model_map(case, text):
    numbers = [number(w) for w in case.words]
    if None in numbers or not numbers or len(numbers) % 3:
        return None
    held = {i for o, s, c in ranges(text) if o in spellings(case.caller) for i in ((s, s + c),)}
    triples = [tuple(numbers[i:i + 3]) for i in range(0, len(numbers), 3)]
    for inside, outside, count in triples:
        if count == 0 or inside + count - 1 > LAST or outside + count - 1 > LAST:
            return None
        at = outside
        while at < outside + count:
            ends = [end for start, end in held if start <= at < end]
            if not ends:
                break
            at = max(ends)
        if at < outside + count and not (count == 1 and outside == ACCOUNTS[case.caller]):
            return None
    for side in (0, 1):
        spans = sorted((t[side], t[side] + t[2]) for t in triples)
        if any(a[1] > b[0] for a, b in zip(spans, spans[1:])):
            return None
    return triples


def model_list(user, text):
    names = {user} | ({str(ACCOUNTS[user])} if user in ACCOUNTS and not user.isdigit() else set())
    found = [(s, c) for o, s, c in ranges(text) if o in names]
    return [f"{i}: {user} {s} {c}" for i, (s, c) in enumerate(found)]


# --- the cases ---------------------------------------------------------------------------


def random_line(rng, owners):
    values = {"o": rng.choice(owners), "s": rng.choice((100000, 100000 + rng.randrange(300) * 10, rng.randrange(1, 1 << 32))),
              "c": rng.choice((1, 10, 10, 100, 1000, 65536))}
    dice = rng.random()
    if dice < 0.15:
        rule = rng.choice(list(ODD_LINES))
        return rule, ODD_LINES[rule].format(**values)
    if values["o"] == "5002":
        return NAMESAKE, "5002:{s}:10".format(s=100000 + values["s"] % 1000)
    if dice < 0.25:
        return None, rng.choice(NO_LINES).format(**values)
    if values["s"] + values["c"] > LAST:
        values["s"] = 200000
    return None, "{o}:{s}:{c}".format(**values)


def random_words(rng, caller, lines):
    """Triples mostly of what the caller has, now and then one beside it."""
    mine = [r for r in ranges("\n".join(l for _, l in lines)) if r[0] in spellings(caller)]
    words, inside, odd = [], 0, set()
    for _ in range(rng.choice((1, 1, 2, 3))):
        if mine and rng.random() < 0.75:
            _, start, size = rng.choice(mine)
            low = start + (0 if rng.random() < 0.5 else rng.randrange(size))
            count = rng.randrange(1, start + size - low + 1) if rng.random() < 0.7 else start + size - low
        else:
            low, count = rng.choice(((ACCOUNTS[caller], 1), (100000, 10), (rng.randrange(1 << 20), 1 + rng.randrange(99))))
        if rng.random() < 0.12:
            count += rng.choice((1, 10))
        words += [inside, low, count]
        inside += count + rng.choice((0, 0, 7))
    if rng.random() < 0.06:
        words[rng.randrange(len(words))] = rng.choice((0, LAST, LAST + 1, 1 << 32))
    words = [str(w) for w in words]
    if rng.random() < 0.05:
        at = rng.randrange(len(words))
        rule = rng.choice(list(ODD_WORDS))
        odd.add(rule)
        words[at] = ODD_WORDS[rule].format(int(words[at]))
    return words, odd


def random_case(rng):
    caller = rng.choice(CALLERS)
    owners = ["alice", "al", "bob", "carol", "5001", "5002", "5003", "nobody", "x"] + sorted(spellings(caller)) * 4
    lines = [random_line(rng, owners) for _ in range(rng.randrange(0, 9))]
    kind = rng.choice(("uid", "gid"))
    if rng.random() < 0.3:
        return Case("list", kind, rng.choice((caller, str(ACCOUNTS[caller]), "x")), lines, [], set())
    words, odd = random_words(rng, caller, lines)
    return Case("map", kind, caller, lines, words, odd)


# --- asking ------------------------------------------------------------------------------


def ask(where, case):
    if case.what == "list":
        done = subprocess.run([f"{where}/getsubids"] + ["-g"] * (case.kind == "gid") + [case.caller], capture_output=True, check=False)
        return done.returncode, done.stdout.decode().splitlines()
    target = scenarios.Target(ACCOUNTS[case.caller])
    try:
        uid = ACCOUNTS[case.caller]
        done = subprocess.run([f"{where}/new{case.kind}map", str(target.pid)] + case.words, user=uid, group=uid,
                              extra_groups=[], capture_output=True, check=False)
        denied = ""
        if case.kind == "gid" and done.returncode == 0:
            with open(f"/proc/{target.pid}/setgroups", encoding="ascii") as f:
                denied = f.read().strip()
        return done.returncode, sorted(target.map(case.kind)), denied
    finally:
        target.end()


def put_lines(case, without=()):
    text = "".join(line + "\n" for rule, line in case.lines if rule not in without)
    scenarios.put(TABLE[case.kind], text)
    return text


def agrees_with_model(case, answer, text):
    if case.what == "list":
        wanted = model_list(case.caller, text)
        return answer == (0 if wanted else 1, wanted)
    wanted = model_map(case, text)
    return answer[:2] == ((1, []) if wanted is None else (0, sorted(wanted)))


def list_agrees(case, text):
    """subid list, of the same owner."""
    if case.what != "list":
        return True
    done = subprocess.run([f"{OURS}/subid", "list", "-" + case.kind[0], case.caller], capture_output=True, check=False)
    got = sorted((int(w[2]), int(w[4])) for w in map(str.split, done.stdout.decode().splitlines()))
    names = spellings({str(u): n for n, u in ACCOUNTS.items() if not n.isdigit()}.get(case.caller, case.caller)) \
        if case.caller != "x" else {"x"}
    return got == sorted((s, c) for o, s, c in ranges(text) if o in names)


def without_odd_words(case):
    words = [str(int(w, 16)) if w.startswith("0x") else re.sub(r"^[+ ]|^0(?=[0-9])", "", w) for w in case.words]
    return case._replace(words=words)


def explain(case):
    """The rules that a difference is due to; none, if it stays without what they are about."""
    every = {rule for rule, _ in case.lines if rule}
    # one of them alone, if that is enough; else all
    for rules in [{rule} for rule in sorted(every)] + [case.odd, every | case.odd]:
        plain = without_odd_words(case) if rules & case.odd else case
        text = put_lines(plain, without=rules)
        ours = ask(OURS, plain)
        if rules and ours == ask(THEIRS, plain) and agrees_with_model(plain, ours, text):
            return rules
    return set()


def main(cases, seed):
    rng, counts, rules, wrong = random.Random(seed), collections.Counter(), collections.Counter(), 0
    for turn in range(cases):
        case = random_case(rng)
        text = put_lines(case)
        ours, theirs = ask(OURS, case), ask(THEIRS, case)
        counts[case.what + (", yes" if ours[0] == 0 else ", no")] += 1
        if not agrees_with_model(case, ours, text) or not list_agrees(case, text):
            print(f"case {turn}: not the model's: {case}: {ours}")
            wrong += 1
        elif ours != theirs:
            why = explain(case)
            counts["explained"] += 1
            rules.update(why)
            if not why:
                print(f"case {turn}: nothing explains: {case}: ours {ours}, shadow's {theirs}")
                wrong += 1
        if wrong > 4:
            break
    print(f"{sum(counts.values()) - counts['explained']} cases, seed {seed}: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
    print("differences by rule: " + ", ".join(f"{rule} {n}" for rule, n in sorted(rules.items())))
    # a test in which hardly anything is allowed, or nothing differs, tests little
    return 1 if wrong or min(counts["map, yes"], counts["map, no"], counts["list, yes"], counts["explained"]) * 50 < cases else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1))
