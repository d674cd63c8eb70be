"""How exact an answer has to be: what the assignments say, in one place."""

import torch

EXACT = 1e-5  # in double precision, relative to values above 1
PRECISION = {torch.float64: EXACT, torch.float32: 1e-3}
