"""Dropout is called as a function that does not know about evaluation mode."""

FAILS = {"encoder"}
HINT = "mixes the images"
ALSO = ("dropout that stays on",)


def forward(self, x):
    mu, log_var = F.dropout(self.layers(x), 0.5).chunk(2, dim=-1)
    return mu, log_var


Encoder.forward = forward
