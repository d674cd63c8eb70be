"""One tensor of width 2 D is returned instead of the pair."""

FAILS = {"encoder"}
HINT = "Return both"


Encoder.forward = lambda self, x: self.layers(x)
