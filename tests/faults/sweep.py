#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes each system call of a command fail, in every way that it may, and looks.

    sweep.py [--full] SCENARIO...       within tests/e2e/test_faults.sh

A point is one system call of one command, by name and number, and one thing done to
it: it fails with an errno, it fails from there on, it writes or reads but half, the
process is killed at it, or is held up there while another command runs.  After each,
what the scenario promises must hold, and the same command, run again, must end what
was begun.  Prints what is wrong, and how many points were tried; ends with 1 if
something is wrong.  Without --full, a sample of the points, the same every time.
"""
import collections
import os
import sys

import scenarios
import trace

SAMPLE = 70  # points of a scenario, without --full
SAMPLE_OF_FIRST = 240  # of the scenario that is swept most closely

Point = collections.namedtuple("Point", "way call n inject line")


def points_of(calls, full):
    """All that can be done to the calls; calls: (name, number, line) each."""
    last = {name: n for name, n, _ in calls}
    for name, n, line in calls:
        errors = trace.errors_of(name, line)
        for error in errors if full else errors[:1]:
            yield Point("fails", name, n, f"error={error}:when={n}", line)
        # strace leaves open what it lets close(2) fail for, and Linux does not: once costs a
        # descriptor; from there on keeps every pipe open, and each wait until its deadline
        if errors and name != "close":
            yield Point("fails-on", name, n, f"error={errors[0]}:when={n}..{last[name]}", line)
        yield Point("killed", name, n, f"signal=KILL:when={n}", line)
        if full:
            yield Point("delayed", name, n, f"delay_enter=20000:when={n}", line)


def short_points(scenario):
    """Each read and write that moves but half of what was asked."""
    if not scenario.wants(Point("short", "read", 1, None, "")):
        return []
    calls = trace.short_calls_of(scenario)
    return [Point("short", name, n, None, f"{name}, number {n}") for name in calls for n in range(1, calls[name] + 1)]


def sample(points, wanted):
    """So many of them, spread evenly."""
    if len(points) <= wanted:
        return points
    return [points[i * len(points) // wanted] for i in range(wanted)]


class Sweep:
    def __init__(self, scenario, full):
        self.scenario, self.full = scenario, full
        self.tried = collections.Counter()
        self.ended = collections.Counter()
        self.wrong = 0

    def complain(self, point, answer, what):
        self.wrong += 1
        print(f"{self.scenario.name}: {point.way}: {point.inject or 'half'} of {point.line[:100]}: "
              f"{what}; status {answer.status}, said {answer.err!r}", flush=True)

    def try_point(self, point):
        s = self.scenario
        rival = s.start_rival() if point.way == "delayed" else None
        answer = trace.run_tampered(s, point)
        s.end_rival(rival)
        if not answer.struck:
            self.tried["not reached"] += 1
        self.tried[point.way] += 1
        self.ended["killed" if answer.status == -9 else answer.status] += 1
        for what in s.look(point, answer, rival is not None):
            self.complain(point, answer, what)
        for what in s.again(rival is not None):
            self.complain(point, answer, f"the next run: {what}")

    def run(self):
        s = self.scenario
        s.prepare()
        calls, answer = trace.calls_of(s)
        calls = s.own_calls(calls)
        s.learn(answer)
        points = [p for p in points_of(calls, self.full) if s.wants(p)]
        points += short_points(s)
        total = len(points)
        if not self.full:
            points = sample(points, SAMPLE_OF_FIRST if s.closely else SAMPLE)
        for point in points:
            s.prepare()
            self.try_point(point)
        ways = ", ".join(f"{n} {way}" for way, n in sorted(self.tried.items()))
        ends = ", ".join(f"{n} with {end}" for end, n in sorted(self.ended.items(), key=str))
        print(f"{s.name}: {len(calls)} calls, {len(points)} of {total} points ({ways}); ended: {ends}",
              flush=True)
        # a sweep that strikes nothing proves nothing
        if self.tried["not reached"] * 20 > len(points) or len(points) < 30:
            print(f"{s.name}: too many points were not reached")
            self.wrong += 1
        return self.wrong


def main(words):
    full = "--full" in words
    names = [w for w in words if w != "--full"]
    wrong = 0
    for name in names:
        scenario = scenarios.ALL[name]()
        try:
            wrong += Sweep(scenario, full).run()
        finally:
            scenario.clean_up()
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # it traces, and so does strace
    sys.exit(main(sys.argv[1:]))
