"""Images are cast to float32 inside the encoder."""

FAILS = {"encoder"}
HINT = ""


def forward(self, x):
    mu, log_var = self.layers(x.float()).chunk(2, dim=-1)
    return mu, log_var


Encoder.forward = forward
