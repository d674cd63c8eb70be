"""The bounds of the chunks are averaged."""

FAILS = {"log_likelihood"}
HINT = "bounds of the chunks are averaged"
KEEPS = {"log_likelihood": (0.3, 0.5)}


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.stack([iwae_bound(chunk) for chunk in chunks]).mean(0)
