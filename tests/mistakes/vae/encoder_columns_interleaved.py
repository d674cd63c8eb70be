"""The output is reshaped to (2, B, D) instead of split along its last axis: images get mixed."""

FAILS = {"encoder"}
HINT = "mixes the images"


def forward(self, x):
    mu, log_var = self.layers(x).reshape(2, len(x), -1)
    return mu, log_var


Encoder.forward = forward
