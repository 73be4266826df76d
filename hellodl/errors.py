"""The errors users see, each with the exit code that the command line gives it."""


class HellodlError(Exception):
    """A problem the user can mend: one line that says where, what is, what was expected, what to do."""

    exit_code = 1


class UsageError(HellodlError):
    """The request itself makes no sense: contradicting options, an unusable value."""

    exit_code = 2


class ModelError(HellodlError):
    """A checkpoint that is missing, damaged, or not what it should be."""

    exit_code = 3


class DataError(HellodlError):
    """A data set that is missing, damaged, or not what it should be."""

    exit_code = 4


class PictureError(HellodlError):
    """A picture that cannot be read."""

    exit_code = 5


class ShapeError(HellodlError, ValueError):
    """Two tensors whose shapes do not fit together, found on the line that wrote the expression."""


class NonFiniteError(HellodlError):
    """A NaN or an infinity where a number was needed."""


class Interrupted(HellodlError):  # noqa: N818 - named after the event, like KeyboardInterrupt
    """The user or the system asked a run to stop; what was learned so far is saved."""

    exit_code = 130
