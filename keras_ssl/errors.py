"""The one error that a person's own input can cause."""

import difflib


class InputError(ValueError):
    """What a person gave can't be used; the message is one line: what was wrong and what would be right."""


LONGEST = 60  # characters of what a person gave that a message repeats


def quoted(given):
    """What a person gave, in quotes; its beginning where it's long."""
    given = str(given)
    return repr(given if len(given) <= LONGEST else f"{given[:LONGEST]}…")


def first_line(error):
    """The first line of an exception's message, or its type's name where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def unknown(kind, name, names):
    """Returns an InputError for a name that isn't among `names`.

    Args:
        kind: what the name stands for, such as "data set".
        name: the name as given.
        names: the names that exist, at least one. The nearest are offered; where none is near, all of them are
            (the first 20).
    """
    names = [str(each) for each in names]
    near = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if near:
        return InputError(f"unknown {kind} {quoted(name)}; did you mean {', '.join(near)}?")
    listed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return InputError(f"unknown {kind} {quoted(name)}; there are: {listed}")
