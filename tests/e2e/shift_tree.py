# SPDX-License-Identifier: MIT
"""Trees for test_shift.sh, and a model of what "subid shift" makes of them.

    make DIR BASE         an awkward tree, whose ids begin at BASE
    small DIR BASE        a few files that have something to lose
    deep DIR BASE DEPTH   directories one in the other
    list DIR              each entry with all that it has, a line each
    model FROM TO COUNT   the same of a list on standard input, after a shift
    whole DIR FROM TO     no file has a setuid bit or capabilities, and ids of both
    race DIR OUT SECONDS  swaps files, directories and links to OUT, as their owner might
    idmap DIR WHERE MAP   an idmapped mount of DIR; MAP: "DISK SEEN COUNT"
    cut DIR               the power is cut: what is not on the disk is lost (ext4, XFS)

It shares nothing with what it tests: attributes are read and written here by hand.
"""
import ctypes
import errno
import fcntl
import hashlib
import os
import socket
import stat
import struct
import subprocess
import sys
import time

libc = ctypes.CDLL(None, use_errno=True)
ACLS = ("system.posix_acl_access", "system.posix_acl_default")
CAPS = "security.capability"
RECORD = "trusted.subid.shift"
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32


# --- making ---------------------------------------------------------------------------

def acl(*named):
    rows = [(USER_OBJ, 7, 0xffffffff)] + [(USER, p, i) for k, i, p in named if k == "u"]
    rows += [(GROUP_OBJ, 5, 0xffffffff)] + [(GROUP, p, i) for k, i, p in named if k == "g"]
    rows += [(MASK, 7, 0xffffffff), (OTHER, 1, 0xffffffff)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *r) for r in rows)


def caps(root):
    words = struct.pack("<IIII", 0x400, 0, 0, 0)
    if root == 0:
        return struct.pack("<I", 0x02000001) + words
    return struct.pack("<I", 0x03000001) + words + struct.pack("<I", root)


class Maker:
    def __init__(self, top, base):
        self.top, self.base, self.n = os.fsencode(top), base, 0
        os.mkdir(self.top)

    def give(self, path, uid, gid, mode=None, **attributes):
        os.chown(path, self.base + uid, self.base + gid, follow_symlinks=False)
        if mode is not None:
            os.chmod(path, mode)
        for name, value in attributes.items():
            name = {"access": ACLS[0], "default": ACLS[1], "caps": CAPS}[name]
            os.setxattr(path, name, value, follow_symlinks=False)

    def path(self, name):
        return os.path.join(self.top, os.fsencode(name))

    def file(self, name, uid, gid, mode=0o644, **attributes):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(path[-200:])
        self.give(path, uid, gid, mode, **attributes)

    def directory(self, name, uid, gid, mode=0o755, **attributes):
        os.mkdir(self.path(name))
        self.give(self.path(name), uid, gid, mode, **attributes)

    def link(self, name, target, uid, gid):
        os.symlink(target, self.path(name))
        self.give(self.path(name), uid, gid)

    def special(self, name, kind, uid, gid, mode=0o600):
        os.mknod(self.path(name), kind | 0o600, os.makedev(1, 3))
        self.give(self.path(name), uid, gid, mode)

    def socket(self, name, uid, gid):
        here = os.open(".", os.O_RDONLY)
        os.chdir(self.top)
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(name)
        os.fchdir(here)
        os.close(here)
        self.give(self.path(name), uid, gid, 0o4711)


def make_small(top, base):
    tree = Maker(top, base)
    tree.give(tree.top, 0, 0)
    tree.file("setuid", 1, 2, 0o4755)
    tree.file("both", 3, 4, 0o6755, access=acl(("u", base + 7, 6), ("g", base + 8, 4)))
    tree.file("caps", 5, 6, 0o755, caps=caps(base))
    tree.file("all", 9, 9, 0o6711, caps=caps(base + 1), access=acl(("u", base + 9, 7)))
    tree.file("plain", 8, 8)
    tree.directory("d", 9, 9, 0o3775, access=acl(("u", base + 1, 7)),
                   default=acl(("u", base + 2, 7), ("g", base + 3, 5)))
    tree.file("d/in", 10, 10, 0o2750)
    tree.link("d/link", "../setuid", 11, 11)


def make(top, base):
    tree = Maker(top, base)
    tree.give(tree.top, 0, 0, 0o711)
    modes = (0, 0o644, 0o1777, 0o2755, 0o2644, 0o4755, 0o4000, 0o6755, 0o7777)
    for i, mode in enumerate(modes):
        tree.file("file%d" % i, i, 65535 - i, mode)
        tree.directory("dir%d" % i, 65535 - i, i, mode)
        tree.file("dir%d/in" % i, 0, 65535, mode)
        tree.special("fifo%d" % i, stat.S_IFIFO, i, i, mode)
        tree.special("char%d" % i, stat.S_IFCHR, i, i, mode)
    tree.special("block", stat.S_IFBLK, 65535, 0, 0o6660)
    tree.socket("socket", 5, 5)
    for i, name in enumerate((b"\xff\xfe", b"new\nline", b"-rf", b" ", b"\x1b[31m", b"x" * 255,
                              b"'\"`$(touch bad)", "a\u202eb".encode(), b"...", b"\x01")):
        tree.directory(name, i, i)
        tree.file(name + b"/" + name, i, i, 0o4755)
    for i, target in enumerate(("/etc/passwd", "/etc", "..", "nowhere", ".", "link4/..", "x" * 1000)):
        tree.link("link%d" % i, target, i, 65535)
    tree.directory("acls", 1, 1, 0o775, default=acl(("u", base, 7), ("g", base + 65535, 7)),
                   access=acl(("u", base, 7), ("u", base + 65535, 1), ("g", base, 5)))
    many = [(k, base + i, i % 8) for k in "ug" for i in range(0, 60, 2)]
    tree.file("acls/many", 1, 1, 0o6775, access=acl(*many))
    tree.file("acls/caps", 1, 1, 0o4775, access=acl(*many), caps=caps(base + 65535))
    tree.file("caps", 0, 0, 0o755, caps=caps(base))
    tree.file("acls/one", 2, 2, 0o6755, caps=caps(base))
    for i in range(3):
        os.link(tree.path("acls/one"), tree.path("dir1/link%d" % i))
    os.link(tree.path("fifo5"), tree.path("dir3/fifo"))
    os.link(tree.path("link0"), tree.path("dir3/symlink"), follow_symlinks=False)
    os.setxattr(tree.path("file1"), "trusted.other", b"x" * 1000)
    for i in range(20):
        os.setxattr(tree.path("file2"), "trusted.%02d" % i + "n" * 60, b"x")
    os.truncate(tree.path("file1"), 1 << 30)
    tree.directory("large", 3, 3)
    for i in range(3000):
        tree.file("large/%d" % i, i, i)
    tree.directory("broad", 3, 3)
    for i in range(500):
        tree.directory("broad/%d" % i, i, i, 0o2700)
    deep(tree, 300)


def deep(tree, depth):
    """Deeper than descriptors are kept open, and its paths longer than PATH_MAX."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(tree.top)
    for i in range(depth):
        name = "d%d" % i + "x" * (20 if i % 2 else 0)
        os.mkdir(name)
        tree.give(name, i, 65535 - i)
        os.chdir(name)
        for path in ("a", "z"):
            with open(path, "wb"):
                pass
            tree.give(path, i, i, 0o4755 if i % 16 == 0 else 0o644)
    os.fchdir(here)
    os.close(here)


# --- looking --------------------------------------------------------------------------

def read_acl(value):
    if value is None:
        return None
    assert struct.unpack_from("<I", value)[0] == 2
    return tuple(struct.unpack_from("<HHI", value, at) for at in range(4, len(value), 8))


def read_caps(value):
    if value is None:
        return None
    words = struct.unpack("<%dI" % (len(value) // 4), value)
    revision, root = words[0] >> 24, words[5] if len(words) > 5 else 0
    assert (revision, len(value)) in ((2, 20), (3, 24)), value
    return (words[0] & 0xffffff, words[1:5], root)


class Entry:
    """All that one has.  Paths of deep trees are too long: names are relative."""

    def __init__(self, path, name, first):
        st = os.lstat(name)
        self.path, self.st = path, st
        self.mode, self.uid, self.gid = st.st_mode, st.st_uid, st.st_gid
        values = {n: os.getxattr(name, n, follow_symlinks=False)
                  for n in os.listxattr(name, follow_symlinks=False)}
        self.record = values.pop(RECORD, None)
        self.acls = [read_acl(values.pop(n, None)) for n in ACLS]
        self.caps = read_caps(values.pop(CAPS, None))
        # XFS shows its ACLs twice
        for n in "security.selinux", "trusted.SGI_ACL_FILE", "trusted.SGI_ACL_DEFAULT":
            values.pop(n, None)
        self.others = sorted(values.items())
        self.what = ""
        if stat.S_ISLNK(self.mode):
            self.what = os.readlink(name)
        elif stat.S_ISREG(self.mode) and st.st_size < 1 << 20:
            with open(name, "rb") as f:
                self.what = hashlib.sha256(f.read()).hexdigest()[:16]
        self.same = first.setdefault((st.st_dev, st.st_ino), path)

    def ids(self):
        yield self.uid
        yield self.gid
        for rows in self.acls:
            yield from (i for tag, _, i in rows or () if tag in (USER, GROUP))
        if self.caps is not None:
            yield self.caps[2]

    def line(self):
        st = self.st
        size = 0 if stat.S_ISDIR(self.mode) else st.st_size
        return repr((self.path, oct(self.mode), self.uid, self.gid, self.acls, self.caps,
                     self.what, self.others, self.same, size, st.st_rdev, st.st_mtime_ns,
                     self.record is not None))


def walk(top):
    """In order.  Goes into each directory, so that no path is too long; back by "..",
    as nobody moves anything meanwhile."""
    first = {}
    here = os.open(".", os.O_RDONLY)
    os.chdir(top)
    yield Entry(b".", ".", first)
    stack = [(b"", iter(sorted(os.listdir(b"."))))]
    while stack:
        at, names = stack[-1]
        name = next(names, None)
        if name is None:
            stack.pop()
            if stack:
                os.chdir("..")
            continue
        yield Entry(at + name, name, first)
        if stat.S_ISDIR(os.lstat(name).st_mode):
            os.chdir(name)
            stack.append((at + name + b"/", iter(sorted(os.listdir(b".")))))
    os.fchdir(here)
    os.close(here)


def model(old, new, count):
    def shift(i):
        return new + i - old if old <= i < old + count else i

    for line in sys.stdin:
        # only literals of ours
        row = list(eval(line, {"__builtins__": {}}))  # pylint: disable=eval-used
        row[2], row[3] = shift(row[2]), shift(row[3])
        row[4] = [rows and tuple((t, p, shift(i)) if t in (USER, GROUP) else (t, p, i)
                                 for t, p, i in rows) for rows in row[4]]
        if row[5] is not None:
            row[5] = row[5][:2] + (shift(row[5][2]),)
        print(repr(tuple(row)))


def whole(top, old, new):
    wrong = 0
    for entry in walk(top):
        sides = {old <= i < old + 65536 for i in entry.ids()
                 if old <= i < old + 65536 or new <= i < new + 65536}
        risky = entry.mode & 0o6000 and not stat.S_ISDIR(entry.mode)
        if (risky or entry.caps is not None) and len(sides) > 1:
            print(entry.line())
            wrong = 1
    return wrong


# --- what others do -------------------------------------------------------------------

def exchange(a, b):
    if libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2) != 0:
        raise OSError(ctypes.get_errno(), a)


def race(top, out, seconds):
    """The tree has d (a directory), f (a file), and beside them links to OUT's."""
    os.symlink(out, top + "/to_d")
    os.symlink(out + "/f", top + "/to_f")
    for link in "/to_d", "/to_f":
        os.lchown(top + link, 100000, 100000)
    os.link(out + "/f", out + "/g")
    end, n = time.monotonic() + float(seconds), 0
    print("ready", flush=True)
    while time.monotonic() < end:
        exchange(top + "/d", top + "/to_d")
        exchange(top + "/f", top + "/to_f")
        if n % 3 == 0 and not os.path.islink(top + "/d"):
            exchange(top + "/d/d", top + "/x")
        n += 1
    print(n)


def syscall(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def idmap(directory, where, text):
    child = subprocess.Popen(["unshare", "--user", "sleep", "60"])
    path = "/proc/%d/ns/user" % child.pid
    while os.readlink(path) == os.readlink("/proc/self/ns/user"):
        time.sleep(0.01)
    for kind in ("uid_map", "gid_map"):
        with open("/proc/%d/%s" % (child.pid, kind), "w", encoding="ascii") as f:
            f.write(text)
    ns = os.open(path, os.O_RDONLY)
    child.kill()
    child.wait()
    tree = syscall(428, -100, os.fsencode(directory), 1 | 0x1000)
    attr = struct.pack("<QQQQ", 0x00100000, 0, 0, ns)
    syscall(442, tree, b"", 0x1000, ctypes.create_string_buffer(attr), len(attr))
    syscall(429, tree, b"", -100, os.fsencode(where), 4)


def cut(directory):
    fd = os.open(directory, os.O_RDONLY)
    fcntl.ioctl(fd, 0x8004587D, struct.pack("I", 2))
    os.close(fd)


def main(what, *arguments):
    if what == "make":
        make(arguments[0], int(arguments[1]))
    elif what == "small":
        make_small(arguments[0], int(arguments[1]))
    elif what == "list":
        for entry in walk(arguments[0]):
            print(entry.line())
    elif what == "model":
        model(*map(int, arguments))
    elif what == "whole":
        return whole(arguments[0], int(arguments[1]), int(arguments[2]))
    elif what == "deep":
        tree = Maker(arguments[0], int(arguments[1]))
        tree.give(tree.top, 0, 0)
        deep(tree, int(arguments[2]))
    elif what in ("race", "idmap", "cut"):
        {"race": race, "idmap": idmap, "cut": cut}[what](*arguments)
    else:
        return errno.EINVAL
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
