"""No gradient passes."""

FAILS = {"normalized_weights"}
HINT = "cuts the graph"


def normalized_weights(log_w):
    return torch.softmax(log_w, 0).detach()
