"""What the tests have children do; children import it by name."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from ragline.errors import NotFound, UnreadableFile


class AwkwardError(UnreadableFile):
    def __init__(self, page, reason):
        super().__init__(f"page {page}: {reason}")


def pid():
    return os.getpid()


def slow_pid():
    time.sleep(0.5)
    return os.getpid()


def doubled(number):
    return 2 * number


def sleep(seconds):
    time.sleep(seconds)
    return seconds


def sleep_holding_the_interpreter(seconds):
    ctypes.PyDLL(None).usleep(int(seconds * 1_000_000))


def spin():
    while True:
        pass


def busy(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def segfault():
    ctypes.string_at(0)


def kill_self(signal_number):
    os.kill(os.getpid(), signal_number)


def leave(code):
    os._exit(code)


def allocate(size):
    return len(bytearray(size))


def allocate_and_blame_the_file(size):
    try:
        bytearray(size)
    except MemoryError as error:
        raise UnreadableFile("The file is damaged.") from error


def output(size):
    return b"x" * size


def open_files(count):
    files = []
    try:
        files.extend(os.open(os.devnull, os.O_RDONLY) for _ in range(count))
    finally:
        for file in files:
            os.close(file)


def write(path, size):
    Path(path).write_bytes(bytes(size))


def not_found():
    raise NotFound("Nothing there.")


def awkward():
    raise AwkwardError(3, "torn")


def divide_by_zero():
    return 1 / 0


def exit_interpreter():
    sys.exit(3)


def unpicklable():
    return lambda: None


def environment(name):
    return os.environ.get(name)


def open_descriptors():
    return [_target(entry) for entry in Path("/proc/self/fd").iterdir()]


def _target(entry):
    try:
        return str(entry.readlink())
    except FileNotFoundError:
        return ""


def interrupt_group():
    os.kill(os.getpid(), signal.SIGINT)
    return "went on"
