"""Raises an exception whose text has a hundred million characters and whose traceback never ends."""

PLACE = "kl_standard_normal"
SAID = "kl_standard_normal raised ValueError"


def kl_standard_normal(mu, log_var):
    try:
        deeper(900)
    except ValueError as error:
        raise ValueError("x" * 10**8) from error


def deeper(number):
    if number:
        return deeper(number - 1)
    raise ValueError("y" * 10**7)
