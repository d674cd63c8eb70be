"""What may come of a question in the place of an answer.

StudentError            the submission's doing; the text is addressed to the student
├─ NotDefined           the name asked for is not there
├─ Raised               the call raised an exception
├─ TooSlow              the call did not return in time
├─ Died                 the call ended the kernel
└─ BadAnswer            what came back is no plain value, or too large
NotGraded               the machine did not suffice to find out: nobody's score depends on it
"""


class NotGraded(Exception):
    """What was asked could not be found out, and not because of the submission; the text is the reason, for everybody."""


class StudentError(Exception):
    """The submission did not answer a call with a plain value; the text says what was asked and what came."""


class NotDefined(StudentError):
    """A name is missing from the submission."""


class Raised(StudentError):
    """The student's code raised an exception; `kinds` names its class and that class's bases."""

    kinds: tuple[str, ...] = ()


class TooSlow(StudentError):
    """The student's code did not return within its time."""


class Died(StudentError):
    """The kernel ended during the call."""


class BadAnswer(StudentError):
    """The answer is too large, too deep, or of a type that is not asked for."""
