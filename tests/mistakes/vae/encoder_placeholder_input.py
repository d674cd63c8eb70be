"""A placeholder from trying out shapes is still encoded instead of x."""

FAILS = {"encoder"}
HINT = "Is x used"


def forward(self, x):
    x = torch.ones_like(x)
    mu, log_var = self.layers(x).chunk(2, dim=-1)
    return mu, log_var


Encoder.forward = forward
