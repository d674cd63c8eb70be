"""One softmax for the whole batch."""

FAILS = {"normalized_weights"}
HINT = "share one sum"


def normalized_weights(log_w):
    return torch.softmax(log_w.flatten(), 0).reshape(log_w.shape)
