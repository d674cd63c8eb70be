"""The softmax runs over the images."""

FAILS = {"normalized_weights"}
HINT = "samples of one image that share"


def normalized_weights(log_w):
    return torch.softmax(log_w, -1)
