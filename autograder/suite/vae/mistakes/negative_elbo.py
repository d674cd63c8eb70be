"""What is got wrong in negative_elbo; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "VAE.forward"


@mistake("A misspelt option that is silently accepted is found only after hours of training.", kind="refusal")
def loss_accepts_any_reduction(self, x, reduction="mean"):
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake(sentences.DETACHED, kind="gradient")
def loss_as_number(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return torch.tensor(-getattr(bound, reduction)().item(), dtype=x.dtype)


@mistake("The images are averaged where their sum is asked: is the option looked at?")
def loss_ignores_reduction(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    return -self.elbo(x, eps).mean()


@mistake(sentences.MODE_CHANGED, kind="care")
def loss_leaves_training_mode(self, *args, **kwargs):
    self.train()
    result = true(self, *args, **kwargs)
    return result


@mistake("There is one value for every image; one number is asked.")
def loss_not_reduced(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    return -self.elbo(x, eps)


@mistake(sentences.EPS_MANY)
def loss_of_five_codes(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    noise = torch.randn(5, len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, noise)
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake(sentences.EPS_MANY)
def loss_of_two_calls(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    bounds = [self.elbo(x, torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)) for _ in range(2)]
    bound = (bounds[0] + bounds[1]) / 2
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake(sentences.PRINTED, kind="care")
def loss_prints(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    print(bound.mean())
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake(sentences.EPS_FIXED, also_said=[sentences.RESEEDED])
def loss_reseeds(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    torch.manual_seed(0)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake(sentences.RESEEDED, kind="care")
def loss_reseeds_by_the_clock(self, *args, **kwargs):
    torch.seed()
    result = true(self, *args, **kwargs)
    return result


@mistake(sentences.EPS_SHARED)
def loss_shares_noise_over_batch(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(1, self.latent_dim, dtype=x.dtype, device=x.device).expand(len(x), -1)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake(sentences.EPS_SHARED)
def loss_shares_noise_over_latents(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), 1, dtype=x.dtype, device=x.device).expand(-1, self.latent_dim)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake("This is the bound, not its negative: a loss is what training makes smaller.")
def loss_sign(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return bound.mean() if reduction == "mean" else bound.sum()


# Uniform noise is drawn (keras issue 4211).
@mistake(sentences.EPS_SHARED)
def loss_uniform_noise(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.rand(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake(sentences.DIVERGENCE_MISSING)
def loss_without_divergence(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.randn(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    mu, log_var = self.encoder(x)
    logits = self.decoder(reparameterize(mu, log_var, eps))
    return -getattr(bernoulli_log_prob(x, logits), reduction)()


@mistake(sentences.EPS_SHARED)
def loss_without_noise(self, x, reduction="mean"):
    if reduction not in ("mean", "sum"):
        raise ValueError(reduction)
    eps = torch.zeros(len(x), self.latent_dim, dtype=x.dtype, device=x.device)
    bound = self.elbo(x, eps)
    return -bound.mean() if reduction == "mean" else -bound.sum()


@mistake("The images are summed where their mean is asked.")
def loss_always_summed(self, x, reduction="mean"):
    return true(self, x, "sum" if reduction == "mean" else reduction)
