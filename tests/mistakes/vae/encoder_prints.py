"""A print from debugging is left in."""

FAILS = {"encoder"}
HINT = "Remove print calls"


def forward(self, x):
    mu, log_var = self.layers(x).chunk(2, dim=-1)
    print(mu.shape, log_var.shape)
    return mu, log_var


Encoder.forward = forward
