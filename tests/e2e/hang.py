# SPDX-License-Identifier: MIT
# Mounts a FUSE file system at DIR that never answers, and stays: hang.py DIR READY; READY is a file that says so
import ctypes
import os
import signal
import sys

fd = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other" % fd
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"hang", sys.argv[1].encode(), b"fuse", 0, options) < 0:
    sys.exit(os.strerror(ctypes.get_errno()))
open(sys.argv[2], "w").close()
signal.pause()
