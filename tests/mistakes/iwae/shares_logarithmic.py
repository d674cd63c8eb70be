"""The logarithms of the shares."""

FAILS = {"normalized_weights"}
HINT = "logarithms of the shares"


def normalized_weights(log_w):
    return torch.log_softmax(log_w, 0)
