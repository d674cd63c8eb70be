"""It prints."""

FAILS = {"normalized_weights"}
HINT = "Remove print calls"


def normalized_weights(log_w):
    print("shares")
    return torch.softmax(log_w, 0)
