"""What is got wrong in sample; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

TARGET = "VAE.sample"


@mistake(sentences.PROBABILITIES)
@torch.no_grad()
def images_are_means(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return torch.sigmoid(self.decoder(z))


@mistake(sentences.THRESHOLDED)
@torch.no_grad()
def images_are_thresholded(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return (self.decoder(z) > 0).to(z.dtype)


@mistake("Draw z with randn, of shape (n, latent_dim).")
@torch.no_grad()
def images_from_uniform_codes(self, n, generator=None):
    if self.prior is None:
        z = torch.rand(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


@mistake(sentences.GENERATOR_IGNORED, kind="care")
@torch.no_grad()
def images_generator_not_for_codes(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n)
    return bernoulli_sample(self.decoder(z), generator=generator)


@mistake(sentences.GLOBAL_USED, kind="care")
@torch.no_grad()
def images_generator_not_for_pixels(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z))


@mistake(sentences.PRIOR_IGNORED)
@torch.no_grad()
def images_ignore_prior(self, n, generator=None):
    z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    return bernoulli_sample(self.decoder(z), generator=generator)


# Codes are always float32.
@mistake()
@torch.no_grad()
def images_in_float32(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


@mistake(sentences.MODE_CHANGED, kind="care")
@torch.no_grad()
def images_leave_evaluation_mode(self, n, generator=None):
    self.eval()
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


@mistake(sentences.GRADIENTS_OFF, kind="care")
def images_leave_gradients_off(self, *args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(self, *args, **kwargs)
    return result


@mistake(sentences.MODE_CHANGED, kind="care")
def images_leave_training_mode(self, *args, **kwargs):
    result = true(self, *args, **kwargs)
    self.decoder.train()
    return result


@mistake(sentences.RESEEDED, kind="care")
def images_reseed_by_the_clock(self, *args, **kwargs):
    torch.seed() if kwargs.get("generator") is None else None
    result = true(self, *args, **kwargs)
    return result


@mistake("Draw z with randn, of shape (n, latent_dim).")
@torch.no_grad()
def images_share_code(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(1, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype).expand(n, -1)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator)


# Axes of size one are squeezed away.
@mistake(message="shape")
@torch.no_grad()
def images_squeezed(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return bernoulli_sample(self.decoder(z), generator=generator).squeeze()


@mistake(sentences.GRADIENT_LEFT, also_said=["These are probabilities"])
def images_with_gradient(self, n, generator=None):
    if self.prior is None:
        z = torch.randn(n, self.latent_dim, generator=generator, dtype=next(self.parameters()).dtype)
    else:
        z = self.prior.sample(n, generator=generator)
    return torch.sigmoid(self.decoder(z))
