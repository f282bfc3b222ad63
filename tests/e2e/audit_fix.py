#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does what the auditor says: the commands of each finding's `fix` must succeed, make it
go away, and bring no new one above info; and so must those of all together, in the order
of the plan.

    audit_fix.py SEED CASES LINES DIR         random tables of up to LINES lines beneath DIR
    audit_fix.py --plan SEED CASES LINES DIR  the whole plan of each
    audit_fix.py --advice SEED CASES LINES DIR  the advice of each finding: its commands succeed
                                              and make it go away, whatever else they bring

Says what went wrong, and which rules had commands; ends with 1 if something did."""
import collections
import json
import os
import random
import shutil
import subprocess
import sys

import audit_model

# What a rule about a line says of it may become another's when the line changes.
GRAVE = ("critical", "error", "warning")

ROUNDS_MAX = 12  # of plans, each of which is for what the one before has left


def audit(root):
    run = subprocess.run(["subid", "--root", root, "--json", "audit", "--fail-on", "never"],
                         stdout=subprocess.PIPE, check=True)
    return [f for whole in json.loads(run.stdout)["findings"] for f in (whole, *whole.get("also", []))]


# The other spellings of random tables' accounts.
SAME = {"al": "alice", "1001": "alice", "1002": "bob", "1": "daemon", "150000": "dora", "1005": "eve"}


def key(finding):
    """What stays the same of a finding when lines move, become two, or change places."""
    names = [SAME.get(finding.get(side), finding.get(side)) for side in ("owner", "other")]
    pair = finding["rule"] in ("overlap-owners", "two-spellings")
    return finding["rule"], finding.get("kind"), min(names) if pair else names[0]


def pair(finding):
    """The two that it is about, in whatever order."""
    return sorted(SAME.get(name, name) for name in (finding.get("owner", ""), finding.get("other", "")))


def keys(findings):
    return {key(f) for f in findings}


def meets(a, b):
    return a["start"] < b["start"] + b["count"] and b["start"] < a["start"] + a["count"]


def mends(root, name, finding, before, what):
    """Runs what one finding says, and looks again."""
    for command in finding[what]:
        run = subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            print(f"{name}: {finding['rule']}: {command}: {run.returncode}: {run.stderr}")
            return False
    after = audit(root)
    same = [f for f in after if key(f) == key(finding) and pair(f) == pair(finding)]
    if "range" in finding:
        gone = not any(meets(f["range"], finding["range"]) for f in same)
    else:  # a line that is no entry: there may be others like it
        gone = len(same) < sum(key(f) == key(finding) and pair(f) == pair(finding) for f in before)
    new = keys(f for f in after if f["level"] in GRAVE) - keys(before) if what == "fix" else []
    if not gone:
        print(f"{name}: {finding[what]}: does not go away: {key(finding)}")
    for one in new:
        print(f"{name}: {finding['rule']}: {finding[what]}: new: {one}")
    return gone and not new


def run_plan(root, name):
    """Runs one plan: it must go through, and what it is for must be gone.  None if not,
    or whether there was something to do."""
    before = audit(root)
    plan = subprocess.run(["subid", "--root", root, "audit", "--fix-plan", "--fail-on", "never"],
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    commands = [line for line in plan.splitlines() if line and not line.startswith("#")]
    run = subprocess.run(["sh", "-e"], input=plan, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    after = audit(root)
    wrong = [run.stderr] if run.returncode != 0 else []
    wrong += [f"does not go away: {key(f)}" for f in before if set(f.get("fix", ["none"])) <= set(commands) and
              any(key(g) == key(f) and meets(g["range"], f["range"]) for g in after)]
    wrong += [f"new: {what}" for what in keys(f for f in after if f["level"] in GRAVE) - keys(before)]
    if any("fix" in f for f in before) and not commands:
        wrong.append("nothing is planned")
    for what in wrong:
        print(f"{name}: {what}", *commands, sep="\n    ")
    return None if wrong else len(commands) > 0


def plan_mends(root, name):
    """Runs plans until there is nothing more to do."""
    rounds, more = 0, True
    while more and rounds < ROUNDS_MAX:
        more, rounds = run_plan(root, name), rounds + 1
    if more:
        print(f"{name}: no end after {rounds} plans")
    return more is False


def each_plan(seed, cases, lines, top):
    """Every case's plan; how many had more than one command."""
    right, many, root = True, 0, os.path.join(top, "planned")
    for i in range(cases):
        shutil.rmtree(root, ignore_errors=True)  # with the ledger of the one before
        audit_model.random_case(random.Random(f"{seed}/{i}"), root, lines)
        many += sum("fix" in f for f in audit(root)) > 1
        right &= plan_mends(root, f"seed {seed}, case {i}")
    print(f"{many} of {cases} with more than one")
    return 0 if right and many > 0 else 1


def main():
    if sys.argv[1] == "--plan":
        return each_plan(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    what = "advice" if sys.argv[1] == "--advice" else "fix"
    seed, cases, lines, top = *map(int, sys.argv[-4:-1]), sys.argv[-1]
    tried, right = collections.Counter(), True
    origin, copy = os.path.join(top, "origin"), os.path.join(top, "copy")
    for i in range(cases):
        audit_model.random_case(random.Random(f"{seed}/{i}"), origin, lines)
        for at, finding in enumerate(audit(origin)):
            if what not in finding:
                continue
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(origin, copy)
            before = audit(copy)
            tried[finding["rule"]] += 1
            right &= mends(copy, f"seed {seed}, case {i}", before[at], before, what)
    print(" ".join(sorted(tried)))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
