# SPDX-License-Identifier: MIT
"""Commands under strace(1): which calls they make, and one of them tampered with."""
import collections
import os
import re
import subprocess

T = os.environ.get("T", "/tmp")

Answer = collections.namedtuple("Answer", "status out err struck")

# What each call may fail with, the likeliest first.  What is not here cannot fail, or
# its failure is a lie that no kernel tells; it is still killed at and delayed at.
ERRORS = {
    "openat": "EACCES EIO EMFILE ENOENT ENOMEM EINTR",
    "openat2": "EACCES EIO EMFILE",
    "read": "EIO EINTR ENOMEM",
    "pread64": "EIO EINTR",
    "write": "ENOSPC EIO EDQUOT EINTR EFBIG",
    "fsync": "EIO ENOSPC EDQUOT",
    "fdatasync": "EIO ENOSPC EDQUOT",
    "renameat2": "EIO ENOSPC EPERM EINVAL ENOSYS",
    "renameat": "EIO ENOSPC EPERM",
    "rename": "EIO ENOSPC",
    "sendfile": "EIO ENOSPC EINTR",
    "linkat": "EIO ENOSPC EPERM EMLINK",
    "unlinkat": "EIO EPERM EBUSY",
    "unlink": "EIO EPERM",
    "utimensat": "EPERM EIO ENOSPC",
    "fchmod": "EPERM EIO EROFS",
    "fchown": "EPERM EIO EDQUOT",
    "fcntl(F_DUPFD": "EMFILE",
    "fcntl(F_OFD_SETLK": "ENOLCK EINTR EDEADLK",
    "fcntl(F_SETLK": "ENOLCK EINTR",
    "newfstatat": "EIO EACCES ENOMEM",
    "fstat": "EIO ENOMEM",
    "statx": "EIO EACCES",
    "fstatfs": "EIO ENOSYS",
    "getdents64": "EIO ENOMEM",
    "readlinkat": "EACCES ENOMEM",
    "readlink": "EACCES ENOMEM",
    "flistxattr": "EIO ERANGE EOPNOTSUPP",
    "fgetxattr": "EIO ERANGE",
    "fsetxattr": "ENOSPC EPERM EOPNOTSUPP",
    "fremovexattr": "EIO EPERM EOPNOTSUPP",
    "listxattr": "EIO ERANGE ENOMEM",
    "getxattr": "EIO ERANGE",
    "setxattr": "ENOSPC EDQUOT EPERM EOPNOTSUPP",
    "removexattr": "EIO EPERM",
    "fchownat": "EPERM EIO EDQUOT EINVAL",
    "chmod": "EPERM EIO",
    "syncfs": "EIO ENOSPC",
    "open_tree": "ENOSYS EPERM ENOMEM",
    "mount_setattr": "EINVAL EPERM ENOSYS",
    "move_mount": "EINVAL ENOMEM",
    "umount2": "EBUSY EPERM",
    "pipe2": "EMFILE",
    "clone": "ENOSPC EPERM EAGAIN",
    "statfs": "EIO ENOSYS",
    "faccessat": "EACCES EIO",
    "faccessat2": "EACCES EIO",
    "access": "EACCES EIO",
    "lseek": "EIO",
    "close": "EIO EINTR ENOSPC",
    "mmap": "ENOMEM",
    "mremap": "ENOMEM",
    "socket": "EMFILE EAFNOSUPPORT ENOBUFS EPERM",
    "connect": "ENOENT ECONNREFUSED EACCES",
    "sendto": "EAGAIN ECONNREFUSED EPERM ENOBUFS",
    "sendmsg": "EAGAIN ECONNREFUSED EPERM",
    "recvfrom": "EAGAIN ENOBUFS EINTR",
    "recvmsg": "EAGAIN ENOBUFS",
    "poll": "EINTR ENOMEM",
    "ppoll": "EINTR ENOMEM",
    "setresuid": "EAGAIN EPERM",
    "setresgid": "EAGAIN EPERM",
    "capset": "EPERM",
    "capget": "EPERM EINVAL",
    "prctl": "EPERM EINVAL",
    "ioctl": "ENOTTY EIO",
    "flock": "ENOLCK EINTR EWOULDBLOCK",
    "ftruncate": "EIO ENOSPC",
    "pwrite64": "EIO ENOSPC",
    "mkdirat": "EACCES ENOSPC EROFS",
    "mkdir": "EACCES ENOSPC EROFS",
    "clone3": "EAGAIN ENOMEM",
    "getrandom": "EINTR ENOSYS",
}
SHORTENED = ("read", "write", "pread64")
# What cannot be tampered with one by one.
NEVER = ("execve", "exit_group", "exit", "rt_sigreturn", "restart_syscall")


def errors_of(name, line):
    """By the command, too, of those calls that are many in one."""
    for key, errors in ERRORS.items():
        call, _, command = key.partition("(")
        if call == name and command in line:
            return errors.split()
    return []


def run(argv, env=None):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, env=env, check=False)
    return Answer(done.returncode, done.stdout.decode("utf-8", "replace"),
                  done.stderr.decode("utf-8", "replace"), True)


def calls_of(scenario):
    """The calls of the command proper, after the dynamic loader's: name, number, line."""
    log = f"{T}/calls"
    answer = run(["strace", "-o", log] + scenario.strace_options() + scenario.argv())
    count, calls, loaded = collections.Counter(), [], False
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            name = re.match(r"[a-z0-9_]+(?=\()", line)
            if not name:
                continue
            name = name[0]
            count[name] += 1
            # what strace has no name for it cannot tamper with
            if loaded and name not in NEVER and not name.startswith("syscall_"):
                calls.append((name, count[name], line.rstrip()))
            loaded |= name == "munmap"  # of ld.so.cache
    return calls, answer


def short_calls_of(scenario):
    """How often the command calls what can be cut short, beyond the C library: {name: n}."""
    calls = {}
    for name in SHORTENED:
        scenario.prepare()
        calls[name] = len(run_short(scenario, name, 0)[1])
    return calls


def run_short(scenario, name, when):
    log = f"{T}/short"
    with open(log, "wb"):
        pass
    env = dict(os.environ, LD_PRELOAD=f"{T}/short.so", SHORT_CALL=name, SHORT_WHEN=str(when), SHORT_LOG=log)
    answer = run(scenario.argv(), env)
    with open(log, "rb") as f:
        return answer, f.read()


def run_tampered(scenario, point):
    if point.way == "short":
        answer, log = run_short(scenario, point.call, point.n)
        return answer._replace(struck=b"x" in log)
    log = f"{T}/struck"
    argv = ["strace", "-qq", "-o", log, "-e", f"trace={point.call}"] + scenario.strace_options()
    answer = run(argv + ["-e", f"inject={point.call}:{point.inject}"] + scenario.argv())
    with open(log, encoding="utf-8", errors="replace") as f:
        text = f.read()
    struck = point.way == "killed" and answer.status == -9 or "INJECTED" in text or "DELAYED" in text
    return answer._replace(struck=struck)
