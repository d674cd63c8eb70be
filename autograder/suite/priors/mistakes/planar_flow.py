"""What is got wrong in planar_flow; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "PlanarFlow.forward"


@mistake("The layer does not depend on b.")
def bias_missing(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


@mistake("tanh is applied to each coordinate by itself; a planar layer looks at one number, wᵀv + b.")
def elementwise_tanh(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v * self.w + self.b)
    return v + u_hat * t, torch.log(torch.abs(1 + (1 - t**2) * u_hat * self.w)).sum(-1)


@mistake(
    "The correction of u is divided by the norm of w. Is wᵀû then what it should be? Multiply your û by w.",
    keeps={"planar_flow": (0.4, 0.8)},
)
def norm_not_squared(self, v):
    wu = self.w @ self.u
    u_hat = self.u + (F.softplus(wu) - 1 - wu) * self.w / self.w.norm()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t**2) * (self.w @ u_hat)))


@mistake(
    "Create it with the shape of the text.",
    target="PlanarFlow.__init__",
    also=["flow_prior", "planar_inverse"],
    also_said=["One value for every code"],
)
def planar_bias_per_dimension(self, latent_dim):
    nn.Module.__init__(self)
    self.u = nn.Parameter(torch.randn(latent_dim))
    self.w = nn.Parameter(torch.randn(latent_dim))
    self.b = nn.Parameter(torch.zeros(latent_dim))


@mistake(sentences.DETACHED, kind="gradient")
def planar_detached(self, v):
    slope, u_hat = (value.detach() for value in self.constrained())
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


@mistake("Without a direction the layer is a shift. Draw w at random.", target="PlanarFlow.__init__")
def planar_direction_zero(self, latent_dim):
    nn.Module.__init__(self)
    self.u = nn.Parameter(torch.zeros(latent_dim))
    self.w = nn.Parameter(torch.zeros(latent_dim))
    self.b = nn.Parameter(torch.zeros(()))


@mistake(sentences.IN_PLACE, kind="care")
def planar_in_place(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    if not v.requires_grad:
        v += (u_hat * t.unsqueeze(-1)).detach()
        return v.clone(), torch.log(t**2 + slope * (1 - t**2))
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


@mistake(sentences.KEPT_VALUES)
def planar_keeps_u_hat(self, v):
    if not hasattr(self, "kept"):
        self.kept = self.constrained()
    slope, u_hat = self.kept
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


# The axes of a product are swapped, which goes unnoticed where B equals D.
@mistake(also=["flow_prior"], message="raised RuntimeError")
def planar_mixes_points(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    psi = (1 - t**2) * self.w
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + torch.matmul(u_hat, psi)))


@mistake(
    "The points of the batch are summed into one number. Keep one value for every point.",
    also=["flow_prior"],
    also_said=["There is one log|det| for every point", "One value for every code"],
)
def planar_one_value_for_the_batch(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2)).sum()


@mistake("Return both, the output first.", also=["flow_prior"])
def planar_only_moves(self, v):
    return v + self.constrained()[1] * torch.tanh(v @ self.w + self.b).unsqueeze(-1)


@mistake(sentences.PRINTED, kind="care")
def planar_prints(self, v):
    print("v:", v.shape)
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + slope * (1 - t**2))


@mistake("There is one log|det| for every point.", also=["flow_prior"])
def planar_samples_axis_wrong(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    log_det = torch.log(t**2 + slope * (1 - t**2))
    return v + u_hat * t.unsqueeze(-1), log_det.mT if v.dim() == 3 else log_det


# softplus underflows to zero and nothing keeps its logarithm finite.
@mistake(message="infinite", also_said=["underflows to 0"])
def slope_without_floor(self, v):
    wu = self.w @ self.u
    c = F.softplus(wu) - 1
    t = torch.tanh(v @ self.w + self.b)
    u_hat = self.u + (c - wu) * self.w / (self.w @ self.w)
    return v + u_hat * t.unsqueeze(-1), torch.log1p((1 - t**2) * c)


@mistake("wᵀû is always positive here: softplus has its limit at 0, and the limit of wᵀû is another one.")
def softplus_without_shift(self, v):
    wu = self.w @ self.u
    u_hat = self.u + (F.softplus(wu) - wu) * self.w / (self.w @ self.w)
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log1p((1 - t**2) * F.softplus(wu))


# softplus is written as log(1 + exp), which overflows.
@mistake(message="infinite", also_said=["overflows here", "underflows to 0"])
def softplus_written_out(self, v):
    wu = self.w @ self.u
    c = torch.log(1 + torch.exp(wu)) - 1
    t = torch.tanh(v @ self.w + self.b)
    u_hat = self.u + (c - wu) * self.w / (self.w @ self.w)
    return v + u_hat * t.unsqueeze(-1), torch.log(t**2 + (1 + c) * (1 - t**2))


@mistake("The derivative of tanh(a) is 1 - tanh²(a): is the square missing?")
def square_missing_in_derivative(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t) * (slope - 1)))


@mistake(
    "u itself is used. With some u and w the layer then maps two points to one: it has to be constrained first.",
    also_said=["u itself is used"],
    keeps={"planar_flow": (0.4, 0.7)},
)
def unconstrained(self, v):
    t = torch.tanh(v @ self.w + self.b)
    return v + self.u * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t**2) * (self.w @ self.u)))


@mistake("log|det| is evaluated at f(v) instead of at v.")
def volume_after_the_move(self, v):
    slope, u_hat = self.constrained()
    v = v + u_hat * torch.tanh(v @ self.w + self.b).unsqueeze(-1)
    t = torch.tanh(v @ self.w + self.b)
    return v, torch.log(t**2 + slope * (1 - t**2))


@mistake(
    "A small number is added inside the logarithm, which matters where the layer squeezes space most. With the "
    "constraint the determinant is positive: write it so that nothing cancels.",
    small=(1e-3, 1e-4, 1e-5, 1e-6),
)
def volume_jittered(self, v, *, small):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(t**2 + slope * (1 - t**2)) + small)


@mistake("This is the determinant; its logarithm is asked.")
def volume_not_logarithm(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), t**2 + slope * (1 - t**2)


@mistake("Only the diagonal of the Jacobian matrix enters, but the layer mixes the coordinates.")
def volume_of_the_diagonal(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b).unsqueeze(-1)
    return v + u_hat * t, torch.log(torch.abs(1 + (1 - t**2) * u_hat * self.w)).sum(-1)


@mistake("The sign of log|det| is turned round: this is that of the inverse layer.", keeps={"planar_flow": (0.5, 0.8)})
def volume_sign(self, v):
    slope, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), -torch.log(t**2 + slope * (1 - t**2))


@mistake("log|det| is computed with u, while the layer moves points by û.")
def volume_unconstrained(self, v):
    _, u_hat = self.constrained()
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(1 + (1 - t**2) * (self.w @ self.u)))


def moved(self, v, slope, u_hat):
    """Return the layer with other values of 1 + w·û and û."""
    t = torch.tanh(v @ self.w + self.b)
    return v + u_hat * t.unsqueeze(-1), torch.log(torch.abs(t**2 + slope * (1 - t**2)))


@mistake("The correction of u is not divided by anything. Is wᵀû then what it should be? Multiply your û by w.")
def norm_missing(self, v):
    wu = self.w @ self.u
    u_hat = self.u + (F.softplus(wu) - 1 - wu) * self.w
    return moved(self, v, 1 + self.w @ u_hat, u_hat)


@mistake(
    "wᵀû has the right limit, but grows exponentially with wᵀu: which function is asked for?",
    also_said=["Where is a term divided by zero?"],
)
def exponential_for_softplus(self, v):
    wu = self.w @ self.u
    u_hat = self.u + (torch.expm1(wu) - wu) * self.w / (self.w @ self.w)
    return moved(self, v, torch.exp(wu), u_hat)


@mistake("The corrected part is added to u, but u's own part along w is not taken off first.")
def projection_kept(self, v):
    u_hat = self.u + (F.softplus(self.w @ self.u) - 1) * self.w / (self.w @ self.w)
    return moved(self, v, 1 + self.w @ u_hat, u_hat)


@mistake("The layer is linear: where is tanh?")
def tanh_missing(self, v):
    slope, u_hat = self.constrained()
    return v + u_hat * (v @ self.w + self.b).unsqueeze(-1), torch.log(slope).expand(v.shape[:-1])


@mistake("The layer returns what is to be added to v, without v.")
def point_missing(self, v):
    to, log_det = true(self, v)
    return to - v, log_det


@mistake("The second term is subtracted where it is to be added.")
def second_term_subtracted(self, v):
    to, log_det = true(self, v)
    return 2 * v - to, log_det


@mistake("The point moves along w; w says where the layer bends, and û where it moves.")
def moves_along_w(self, v):
    _, log_det = true(self, v)
    return v + self.w * torch.tanh(v @ self.w + self.b).unsqueeze(-1), log_det


@mistake("tanh itself stands where its derivative belongs.")
def volume_of_tanh(self, v):
    to, _ = true(self, v)
    return to, torch.log(torch.abs(1 + torch.tanh(v @ self.w + self.b) * (self.constrained()[0] - 1)))


@mistake("The Jacobian matrix is the identity plus a term; the identity's 1 is missing.", also=["flow_prior"])
def volume_without_identity(self, v):
    to, _ = true(self, v)
    return to, torch.log(torch.abs((1 - torch.tanh(v @ self.w + self.b) ** 2) * (self.constrained()[0] - 1)))
