"""log|det| is transposed where there are K samples."""

FAILS = {"planar_flow", "flow_prior"}
HINT = "one log|det| for every point"


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    log_det = torch.log(t**2 + slope * (1 - t**2))
    return v + u_hat * t.unsqueeze(-1), log_det.mT if v.dim() == 3 else log_det


PlanarFlow.forward = forward
