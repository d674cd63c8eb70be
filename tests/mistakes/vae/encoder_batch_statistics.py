"""Batch statistics are used in evaluation mode too, so images influence each other."""

FAILS = {"encoder"}
HINT = "mixes the images"


def forward(self, x):
    h = self.layers(x)
    mu, log_var = ((h - h.mean(0)) / (h.std(0, correction=0) + 1e-3) + h.mean(0)).chunk(2, dim=-1)
    return mu, log_var


Encoder.forward = forward
