"""What is got wrong in refit_encoder; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


def fit(
    model,
    x,
    steps,
    encoder,
    num_samples,
    generator,
    *,
    copied=copy.deepcopy,
    trained=lambda model: model.encoder.parameters(),
    bound=lambda log_w: iwae_bound(log_w),
    mode=lambda model: model.eval(),
    rate=1e-3,
):
    """Return the fitted model, with one thing or another done wrongly."""
    if steps < 0 or num_samples < 1:
        raise ValueError(steps)
    fitted = copied(model)
    if encoder is not None:
        fitted.encoder = copy.deepcopy(encoder)
    mode(fitted)
    parameters = list(trained(fitted))
    adam = torch.optim.Adam(parameters, lr=rate)
    for _ in range(steps):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        loss = -bound(log_weights(fitted, x, eps)).mean()
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        adam.step()
    for parameter in parameters:
        parameter.grad = None
    return fitted.eval()


@mistake("The optimizer has parameters of the decoder or the prior. It gets those of the encoder alone.")
def refit_trains_everything(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, steps, encoder, num_samples, generator, trained=lambda fitted: fitted.parameters())


@mistake("The optimizer has parameters of the decoder or the prior. It gets those of the encoder alone.")
def refit_trains_the_prior(model, x, steps, encoder=None, num_samples=1, generator=None):
    def trained(fitted):
        return [*fitted.encoder.parameters(), *(fitted.prior.parameters() if fitted.prior is not None else [])]

    return fit(model, x, steps, encoder, num_samples, generator, trained=trained)


@mistake("The decoder was in training mode: batch normalisation moves its buffers without any optimizer.")
def refit_in_training_mode(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, steps, encoder, num_samples, generator, mode=lambda fitted: fitted.train())


@mistake("Copy the model first, and train the copy.", keeps={"refit_encoder": (0, 0.5)})
def refit_trains_the_given_model(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, steps, encoder, num_samples, generator, copied=lambda model: model)


@mistake("Copy the model first.", also_said=["Copy the model first, and train the copy."])
def refit_shares_the_decoder(model, x, steps, encoder=None, num_samples=1, generator=None):
    def copied(model):
        new = copy.copy(model)
        new._modules = dict(model._modules, encoder=copy.deepcopy(model.encoder))
        return new

    return fit(model, x, steps, encoder, num_samples, generator, copied=copied)


@mistake("The encoder that is given is not used: the fit starts there, where there is one.")
def refit_given_encoder_ignored(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, steps, None, num_samples, generator)


@mistake(
    "The encoder starts from new random values. It starts as a copy of the model's own, or as the one that is given."
)
def refit_starts_anew(model, x, steps, encoder=None, num_samples=1, generator=None):
    fitted = copy.deepcopy(model)
    if encoder is None:
        for parameter in fitted.encoder.parameters():
            parameter.data = torch.zeros_like(parameter)
    return fit(fitted, x, steps, encoder, num_samples, generator)


@mistake("The bound is minimised: the loss is its negative.")
def refit_minimizes(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, steps, encoder, num_samples, generator, bound=lambda log_w: -iwae_bound(log_w))


@mistake("num_samples is not used for the bound: with one sample this is the ELBO, whatever K is.")
def refit_num_samples_ignored(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, steps, encoder, min(1, num_samples), generator)


@mistake("The log weights are averaged over the samples: that is the ELBO, whatever num_samples is. L_K is asked.")
def refit_mean_of_logs(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, steps, encoder, num_samples, generator, bound=lambda log_w: log_w.mean(0))


@mistake("The encoder is not fitted at all: do the steps change its parameters?")
def refit_does_nothing(model, x, steps, encoder=None, num_samples=1, generator=None):
    return fit(model, x, min(steps, 0), encoder, num_samples, generator)


@mistake("The divergence has a factor of its own, or log p(x|z) is missing: the fit ends near the prior.")
def refit_without_likelihood(model, x, steps, encoder=None, num_samples=1, generator=None):
    blind = copy.deepcopy(model)
    forward = blind.decoder.forward
    blind.decoder.forward = lambda z: forward(z).detach() + 0 * forward(z)
    blind = fit(blind, x, steps, encoder, num_samples, generator, copied=lambda model: model)
    fitted = copy.deepcopy(model)
    fitted.encoder = blind.encoder
    return fitted.eval()


@mistake(sentences.GENERATOR_IGNORED, kind="care")
def refit_generator_ignored(model, x, steps, encoder=None, num_samples=1, generator=None):
    return true(model, x, steps, encoder, num_samples)


@mistake(sentences.NOT_RANDOM, kind="care")
def refit_seeded(model, x, steps, encoder=None, num_samples=1, generator=None):
    return true(model, x, steps, encoder, num_samples, torch.Generator().manual_seed(0))


@mistake("A value that is not allowed must not go unnoticed: raise ValueError(...).", kind="refusal")
def refit_accepts_any_number(model, x, steps, encoder=None, num_samples=1, generator=None):
    return true(model, x, max(0, steps), encoder, max(1, num_samples), generator)
