"""What is got wrong in mixture_sample; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "MixturePrior.sample"


@mistake(sentences.GENERATOR_IGNORED, kind="care")
@torch.no_grad()
def sample_generator_not_for_components(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True)
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


@mistake(sentences.WIDTH_IGNORED)
@torch.no_grad()
def sample_ignores_width(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    return self.loc[c] + torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)


@mistake(sentences.OTHER_DTYPE, kind="care")
@torch.no_grad()
def sample_in_float32(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator)
    return (self.loc[c] + torch.exp(self.log_var[c] / 2) * eps).float()


@mistake(sentences.GRADIENTS_OFF, kind="care")
def sample_leaves_gradients_off(self, *args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(self, *args, **kwargs)
    return result


@mistake(sentences.NOISE_SHARED)
@torch.no_grad()
def sample_mirrors_noise(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    half = torch.randn((n + 1) // 2, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * torch.stack([half, -half], 1).flatten(0, 1)[:n]


@mistake(sentences.COMPONENTS_AVERAGED)
@torch.no_grad()
def sample_of_averaged_means(self, n, generator=None):
    weights = torch.softmax(self.logits, -1).detach()
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return weights @ self.loc + torch.exp(weights @ self.log_var / 2) * eps


@mistake(sentences.ONE_COMPONENT)
@torch.no_grad()
def sample_of_one_component(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), 1, generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


@mistake(sentences.COMPONENTS_UNIFORM)
@torch.no_grad()
def sample_of_uniform_components(self, n, generator=None):
    c = torch.randint(len(self.logits), (n,), generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


@mistake(sentences.RESEEDED, kind="care")
def sample_reseeds(self, *args, **kwargs):
    torch.manual_seed(0) if kwargs.get("generator") is None else None
    result = true(self, *args, **kwargs)
    return result


@mistake(sentences.NOISE_SHARED)
@torch.no_grad()
def sample_shares_noise(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(1, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


@mistake(sentences.NOISE_SHARED)
@torch.no_grad()
def sample_shares_noise_over_latents(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(n, 1, generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


@mistake(sentences.COMPONENTS_SORTED)
@torch.no_grad()
def sample_sorted(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator).sort().values
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


@mistake(sentences.GRADIENT_LEFT, kind="care")
def sample_with_gradient(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c] / 2) * eps


@mistake(sentences.VARIANCE_AS_STD, keeps={"mixture_sample": (0.5, 0.8)})
@torch.no_grad()
def sample_with_variance(self, n, generator=None):
    c = torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)
    eps = torch.randn(n, self.loc.shape[1], generator=generator, dtype=self.loc.dtype)
    return self.loc[c] + torch.exp(self.log_var[c]) * eps


@mistake(sentences.NOISE_MISSING, also_said=["is nothing drawn"])
@torch.no_grad()
def sample_without_noise(self, n, generator=None):
    return self.loc[torch.multinomial(torch.softmax(self.logits, -1), n, True, generator=generator)]
