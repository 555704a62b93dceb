"""What a person can type: one file per command, and no logic.

A member is a file that defines ``command``, a function whose parameters typer
reads as options and arguments; its docstring is the help, with examples, and
what it returns is the exit status. A command reads, calls, and shows. At its
top it imports nothing slow, so that ``--help`` answers at once.
"""
