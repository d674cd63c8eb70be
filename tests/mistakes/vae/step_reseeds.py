"""A fixed seed is set before every step."""

FAILS = {"train_step"}
HINT = "Draw and seed nothing"


right = train_step


def train_step(*args, **kwargs):
    torch.manual_seed(0)
    result = right(*args, **kwargs)
    return result
