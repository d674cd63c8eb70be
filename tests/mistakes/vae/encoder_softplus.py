"""The head of log_var ends in a softplus, as for a standard deviation: no variance below 1."""

FAILS = {"encoder"}
HINT = "one side"


def forward(self, x):
    mu, std = self.layers(x).chunk(2, dim=-1)
    return mu, F.softplus(std)


Encoder.forward = forward
