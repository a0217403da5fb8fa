# SPDX-License-Identifier: MIT
"""clock.py - for scenarios: a program whose wall clock can be set."""
import os
import struct

from harness import BUILD, Backplane, Skipped


class Clock:
    """A program whose wall clock can be set."""

    def __init__(self, folder, seconds):
        with open(BUILD + "/config.log", errors="replace") as file:
            if "--enable-developer" in file.read():
                raise Skipped("the sanitizer must be loaded first, not the shim")
        self.file = folder + "/offset"
        with open(self.file, "wb") as file:
            file.write(struct.pack("=q", seconds))
        self.bp = Backplane(before=("env", "CLOCK_OFFSET=" + self.file,
                                    "LD_PRELOAD=" + os.path.abspath(BUILD + "/tests/plugins/clock-shim.so")))

    def set(self, seconds):
        with open(self.file, "r+b") as file:
            file.write(struct.pack("=q", seconds))

    def __enter__(self):
        self.bp.census.begin()
        return self

    def __exit__(self, failed, *_):
        self.bp.finish(failed)
