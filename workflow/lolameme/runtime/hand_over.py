"""What a script is started with where a warm process is (see `warm`): python -I -S hand_over.py SCRIPT.

It hands SCRIPT over, passes on a request to end, and ends as the fork that runs it ended. Every job of a study begins
here, so it loads nothing but what it needs: 20 ms, where the head that Snakemake puts before a script takes 150.
"""

import os
import signal
import socket
import sys
from contextlib import suppress

if __name__ == "__main__":  # -I: the package is not on the path
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from lolameme.base.interruption import on_request

ADDRESS = "LOLAMEME_WARM"  # the environment variable that names the socket of the warm process
END = b"."  # said where the script is asked to end


def other_end(line: socket.socket) -> int:
    """The user at the other end of a connection, as the kernel saw them when they connected, or began to listen."""
    credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)  # process, user and group, four bytes each
    return int.from_bytes(credentials[4:8], sys.byteorder)


def hand_over(arguments: list[str]) -> int | None:
    """The exit status of the script, below zero if a signal ended it; None where it has to run here: there is no warm
    process, or it was killed. Scripts of rules can be run again."""
    address = os.environ.pop(ADDRESS, None)
    if address is None:
        return None
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(f"\0{address}")
            if other_end(line) != os.getuid():  # the name became free, and another user took it
                return None
            request = repr((arguments, os.getcwd(), dict(os.environ))).encode()
            socket.send_fds(line, [len(request).to_bytes(8, "big")], [1, 2])
            line.sendall(request)
            with on_request(lambda: line.send(END)):
                answer = line.recv(8)
        except ConnectionError:
            return None
    return int.from_bytes(answer, "big", signed=True) if answer else None


if __name__ == "__main__":
    status = hand_over(sys.argv[1:])
    if status is None:
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    if status < 0:
        with suppress(OSError):  # SIGKILL has no other way to be met
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
