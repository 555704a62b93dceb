"""How things are said, wherever that is: in a report, on a page, in an alert, in a terminal.

Names and answers come from the network and may be made to deceive a terminal or a spreadsheet, so nothing lets a
character through that is not printable: ``visible`` makes it so.
"""


def visible(text: str) -> str:
    r"""Return *text* with everything unprintable written out: ``\x1b``, ``\u202e``, ``\U000e0041``.

    That is control characters (C0, DEL, C1), bidirectional overrides and other format
    characters, line and paragraph separators, spaces other than U+0020, and surrogates.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
