"""What the benchmarks need besides Python, from Debian's packages."""

import os
import shutil
import subprocess
import sys

PACKAGES = {"cc": ("gcc", "libc6-dev"), "chromium": ("chromium",), "dnsperf": ("dnsperf",)}


def need(*programs: str) -> None:
    """Install those of *programs* that are missing, where that may be done; else end, and say how it is done."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    packages = [package for program in missing for package in PACKAGES[program]]
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {', '.join(packages)}", file=sys.stderr, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], install):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, env=environment)
    if missing := [program for program in missing if shutil.which(program) is None]:
        sys.exit(f"needs {', '.join(missing)}: {' '.join(install)}")
