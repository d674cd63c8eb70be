"""The bounds of the chunks are averaged, each by its size."""

FAILS = {"log_likelihood"}
HINT = "each by its size"


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return sum(len(chunk) * iwae_bound(chunk) for chunk in chunks) / num_samples
