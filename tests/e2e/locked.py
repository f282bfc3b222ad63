# SPDX-License-Identifier: MIT
"""What a trace of strace -f -y does between the taking and the giving back of the locks of
/etc, but for what the work on the tables is made of; one line each, and what was seen."""
import re
import sys

TAKEN = re.compile(r"\blinkat\(.*</etc>, \"subgid\.lock\".* = 0$")
GIVEN = re.compile(r"\bunlinkat\(\d+</etc>, \"subgid\.lock\"")
ALLOWED = [re.compile(text) for text in (
    # memory and clocks
    r"^(munmap|mmap|mremap|madvise|brk|clock_gettime|getpid|gettid|geteuid|getrandom|rt_sigprocmask)\(",
    # the tables, their drafts and backups
    r"\"sub[ug]id[-+=]?\"", r"</etc/sub[ug]id[-+=]?>", r"</etc/#\d+>\(deleted\)",
    r"^(fsync|fstat|newfstatat|fcntl|close|fgetxattr|fstatfs)\(\d+</etc>[^\"]*(\"\".*)?$",
    # has anything else been changed since it was read?
    r"^(newfstatat|statx)\(\d+</etc>, \"(passwd|group|nsswitch\.conf|login\.defs|subid\.conf|subid\.conf\.d)\"",
    r"^(newfstatat|statx)\(.*\"var/lib/subid/sub[ug]id\"",
    # the ledger, and root's store
    r"</var/lib/subid(/[^>]*)?>", r"\"/?var/lib/subid\"",
    r"^(openat|openat2|mkdirat|close|fstat|newfstatat)\(\d+</(var|var/lib)?>(, \"(var|lib|subid|)\".*)?\)",
    r"^openat\(AT_FDCWD[^\"]*, \"/\", ",
    # what is to be told, if this is killed
    r"\"/run/subid\"", r"</run/subid(/[^>]*)?>",
)]

# who has the locks; a process that it starts meanwhile shows by the call that does so
held = None
taken = under = 0
with open(sys.argv[1], encoding="utf-8", errors="replace") as trace:
    for line in trace:
        pid, call = re.match(r"(\d+ +)?(.*)", line.rstrip()).groups()
        pid = pid or "0"
        if call.startswith("<... "):
            continue
        if TAKEN.search(call):
            held, taken = pid, taken + 1
        elif GIVEN.search(call):
            held = None
        elif held == pid:
            under += 1
            if not any(allowed.search(call) for allowed in ALLOWED):
                print(call)
print("taken" if taken else "never taken", "used" if under > 3 else "not used")
