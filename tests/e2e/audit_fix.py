#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does what the auditor says: the commands of each finding's `fix` must succeed, make it
go away, and bring no new one above info.

    audit_fix.py SEED CASES LINES DIR       random tables of up to LINES lines beneath DIR

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


def audit(root):
    run = subprocess.run(["subid", "--root", root, "--json", "audit", "--fail-on", "never"],
                         stdout=subprocess.PIPE, check=True)
    return json.loads(run.stdout)["findings"]


# The other spellings of random tables' accounts.
SAME = {"al": "alice", "1001": "alice", "1002": "bob", "1": "daemon", "150000": "dora", "1005": "eve"}


def key(finding):
    """What stays the same of a finding when lines move, become two, or change places."""
    names = [SAME.get(finding.get(side), finding.get(side)) for side in ("owner", "other")]
    pair = finding["rule"] in ("overlap-owners", "two-spellings")
    return finding["rule"], finding.get("kind"), min(names) if pair else names[0]


def keys(findings):
    return {key(f) for f in findings}


def meets(a, b):
    return a["start"] < b["start"] + b["count"] and b["start"] < a["start"] + a["count"]


def mends(root, name, finding, before):
    """Runs what one finding says, and looks again."""
    for command in finding["fix"]:
        run = subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            print(f"{name}: {finding['rule']}: {command}: {run.returncode}: {run.stderr}")
            return False
    after = audit(root)
    gone = not any(key(f) == key(finding) and meets(f["range"], finding["range"]) for f in after)
    new = keys(f for f in after if f["level"] in GRAVE) - keys(before)
    if not gone:
        print(f"{name}: {finding['fix']}: does not go away: {key(finding)}")
    for what in new:
        print(f"{name}: {finding['rule']}: {finding['fix']}: new: {what}")
    return gone and not new


def main():
    seed, cases, lines, top = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    tried, right = collections.Counter(), True
    origin, copy = os.path.join(top, "origin"), os.path.join(top, "copy")
    for i in range(cases):
        audit_model.random_case(random.Random(f"{seed}/{i}"), origin, lines)
        for at, finding in enumerate(audit(origin)):
            if "fix" not in finding:
                continue
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(origin, copy)
            before = audit(copy)
            tried[finding["rule"]] += 1
            right &= mends(copy, f"seed {seed}, case {i}", before[at], before)
    print(" ".join(sorted(tried)))
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
