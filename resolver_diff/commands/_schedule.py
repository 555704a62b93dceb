"""`daily`, every day from now on: a timer of the user's own systemd, or else a line for cron."""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from resolver_diff.commands._output import talk
from resolver_diff.errors import UsageError

OPTION = "--schedule"
HOUR = 4  # UTC for systemd, the machine's own time for cron
SERVICE = """\
# made by resolver-diff daily {option}; it would be made anew by that
[Unit]
Description=resolver-diff in {folder}

[Service]
Type=oneshot
WorkingDirectory={folder}
EnvironmentFile=-%E/resolver-diff/secrets
ExecStart={command}
# 3: done, but some resolver said nothing at all, as some do on most days
SuccessExitStatus=3
Restart=on-failure
RestartSec=15min
# 2: something is to be put right by a person, and 70 by us
RestartPreventExitStatus=2 70
Nice=5
"""
TIMER = """\
# made by resolver-diff daily {option}
[Unit]
Description=resolver-diff every day, in {folder}

[Timer]
OnCalendar=*-*-* {hour:02}:00:00 UTC
RandomizedDelaySec=1h
FixedRandomDelay=yes
Persistent=yes

[Install]
WantedBy=timers.target
"""


def every_day(vantage: str) -> str | None:
    """Have the command that was typed run every day; return the line for cron where only the user can do that."""
    words = [sys.executable, "-m", "resolver_diff", *(word for word in sys.argv[1:] if word != OPTION)]
    folder = Path.cwd()
    if any(not word.isprintable() for word in (*words, str(folder))):
        raise UsageError("a word or folder that is not printable cannot be written into a timer")
    if not _has_systemd():
        return _cron_line(words, folder)
    name = f"resolver-diff-{re.sub(r'[^A-Za-z0-9_.-]', '-', vantage)}"
    units = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd/user"
    _write(units, name, words, folder)
    for step in (["daemon-reload"], ["enable", "--now", f"{name}.timer"]):
        command = ["systemctl", "--user", *step]  # a name of our own making
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            raise UsageError(f"`systemctl --user {shlex.join(step)}` failed: {done.stderr.strip()}")
    talk(
        f"{name}.timer runs it every day from now on. `systemctl --user list-timers` says when, "
        f"`journalctl --user -u {name}` what it said; `systemctl --user disable --now {name}.timer` ends it.\n"
        "For it to run while you are not logged in: `loginctl enable-linger`.\n"
        f"RESOLVER_DIFF_ALERTS=... goes into {units.parent.parent}/resolver-diff/secrets, which only you should read."
    )
    return None


def _write(units: Path, name: str, words: list[str], folder: Path) -> None:
    facts = {"option": OPTION, "hour": HOUR, "folder": str(folder).replace("%", "%%")}
    command = " ".join(f'"{_literal(word)}"' for word in words)
    try:
        units.mkdir(parents=True, exist_ok=True)
        (units / f"{name}.service").write_text(SERVICE.format(command=command, **facts))
        (units / f"{name}.timer").write_text(TIMER.format(**facts))
    except OSError as error:
        raise UsageError(f"cannot write {error.filename}: {error.strerror}") from error


def _literal(text: str) -> str:
    """Return *text* as systemd takes it for itself (systemd.service(5), Command lines)."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")


def _has_systemd() -> bool:
    """Say whether this user has a systemd of his own that answers."""
    if shutil.which("systemctl") is None:
        return False
    asked = subprocess.run(["systemctl", "--user", "show-environment"], capture_output=True, check=False)  # noqa: S607
    return asked.returncode == 0


def _cron_line(words: list[str], folder: Path) -> str:
    """Return the line of a crontab; its minute is always the same here, and another elsewhere."""
    minute = hashlib.blake2b(str(folder).encode(), digest_size=2).digest()[0] % 60
    command = f"cd {shlex.quote(str(folder))} && {shlex.join(words)} 2>> daily.log"
    return f"{minute} {HOUR} * * *  {command}".replace("%", r"\%")  # where cron would take it for a line's end
