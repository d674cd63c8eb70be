"""What is got wrong in planar_inverse; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "PlanarFlow.inverse"


# The root is sought within one of w·y, however large w·û is.
@mistake(message="an error of")
def inverse_bracket_too_small(self, y):
    slope, u_hat = self.constrained()
    c, target = slope - 1, y @ self.w
    with torch.no_grad():
        low, high = target - 1, target + 1
        for _ in range(60):
            s = (low + high) / 2
            below = s + c * torch.tanh(s + self.b) < target
            low, high = torch.where(below, s, low), torch.where(below, high, s)
    t = torch.tanh(s + self.b)
    residual = s + c * t - target
    s = s - (residual - residual.detach()) / (t**2 + slope * (1 - t**2)).detach()
    return y - u_hat * torch.tanh(s + self.b).unsqueeze(-1)


@mistake(
    "It looks like v = y - û tanh(wᵀv + b) with an earlier v put in on the right, a few times over. Such "
    "rounds come to rest only where the layer bends little: search the root inside its bracket.",
    also_said=["does the search end too early"],
    rounds=(2, 3, 5, 10, 20, 50, 100),
)
def inverse_by_fixed_point(self, y, *, rounds):
    v = y
    for _ in range(rounds):
        v = y - (self(v)[0] - v)
    return v


@mistake(
    "It looks like plain Newton steps, which can jump to and fro where tanh is flat. Keep them inside the "
    "bracket, or halve the bracket.",
    rounds=(5, 10, 20, 50, 100),
)
def inverse_by_plain_newton(self, y, *, rounds):
    slope, u_hat = self.constrained()
    s = target = y @ self.w
    for _ in range(rounds):
        t = torch.tanh(s + self.b)
        s = s - (s + (slope - 1) * t - target) / (t**2 + slope * (1 - t**2))
    return y - u_hat * torch.tanh(s + self.b).unsqueeze(-1)


@mistake(sentences.TERM_DETACHED, kind="gradient")
def inverse_gradient_past_the_root(self, y):
    v = true(self, y).detach()
    return y - self.constrained()[1] * torch.tanh(v @ self.w.detach() + self.b.detach()).unsqueeze(-1)


@mistake(sentences.OTHER_DTYPE, kind="care")
def inverse_in_float64(self, y):
    return true(self, y).double()


@mistake("This is the layer itself, not its inverse.")
def inverse_is_forward(self, y):
    return self(y)[0]


@mistake("The inverse has the shape of y.")
def inverse_merges_samples(self, y):
    return true(self, y.flatten(0, -2))


@mistake(sentences.PRINTED, kind="care")
def inverse_prints(self, y):
    v = true(self, y)
    print((self(v)[0] - y).abs().max())
    return v


# One root is found for the whole batch.
@mistake(also=["flow_prior"], message="an error of")
def inverse_same_root_for_all(self, y):
    first = true(self, y[..., :1, :])
    return y - (self(first)[0] - first)


@mistake(
    "It looks like v = y - û tanh(wᵀv + b) with an earlier v put in on the right, a few times over. Such "
    "rounds come to rest only where the layer bends little: search the root inside its bracket."
)
def inverse_subtracts_once(self, y):
    return y - (self(y)[0] - y)


@mistake(sentences.SEARCH_ENDS)
def inverse_too_few_halvings(self, y):
    slope, u_hat = self.constrained()
    c, target = slope - 1, y @ self.w
    with torch.no_grad():
        low, high = target - c.abs(), target + c.abs()
        for _ in range(20):
            s = (low + high) / 2
            below = s + c * torch.tanh(s + self.b) < target
            low, high = torch.where(below, s, low), torch.where(below, high, s)
    t = torch.tanh(s + self.b)
    residual = s + c * t - target
    s = s - (residual - residual.detach()) / (t**2 + slope * (1 - t**2)).detach()
    return y - u_hat * torch.tanh(s + self.b).unsqueeze(-1)


@mistake(sentences.DETACHED, kind="gradient", keeps={"planar_inverse": (0.6, 0.8)})
def inverse_without_gradient(self, y):
    with torch.no_grad():
        return true(self, y)


@mistake("This is y as it came.")
def inverse_is_identity(self, y):
    return y.clone()
