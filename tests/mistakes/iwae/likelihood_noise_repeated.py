"""Every chunk has the noise of the first."""

FAILS = {"log_likelihood"}
HINT = "share their noise"


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    size = chunk_size
    noise, chunks = torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype), []
    for start in range(0, num_samples, chunk_size):
        chunks.append(log_weights(model, x, noise[: num_samples - start]))
    return iwae_bound(torch.cat(chunks))
