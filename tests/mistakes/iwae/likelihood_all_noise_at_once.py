"""The noise of all samples is drawn before the first chunk."""

FAILS = {"log_likelihood"}
HINT = "chunk by chunk"


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    size = num_samples
    noise = torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
    return iwae_bound(torch.cat([log_weights(model, x, eps) for eps in noise.split(chunk_size)]))
