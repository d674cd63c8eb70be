"""The mean is squashed by an activation after the last layer."""

FAILS = {"encoder"}
HINT = "one side"


def forward(self, x):
    mu, log_var = self.layers(x).chunk(2, dim=-1)
    return torch.tanh(mu), log_var


Encoder.forward = forward
