"""log|det| is summed over the points."""

FAILS = {"planar_flow", "flow_prior"}
HINT = "one log|det| for every point"
ALSO = (
    "summed into one number",
    "One value for every code",
)


def forward(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2)).sum()


PlanarFlow.forward = forward
