"""Features are detached before the last layer."""

FAILS = {"encoder"}
HINT = "Something cuts the graph"


def forward(self, x):
    h = self.layers[:-1](x).detach()
    mu, log_var = self.layers[-1](h).chunk(2, dim=-1)
    return mu, log_var


Encoder.forward = forward
