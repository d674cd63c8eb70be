"""The softmax runs over the images."""

FAILS = {"normalized_weights"}
HINT = "samples of one image that share"
KEEPS = {"normalized_weights": (0.1, 0.5)}


def normalized_weights(log_w):
    return torch.softmax(log_w, -1)
