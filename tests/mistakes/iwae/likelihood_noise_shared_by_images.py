"""All images have the same noise."""

FAILS = {"log_likelihood"}
HINT = "share their noise"


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(
                model,
                x,
                torch.randn(size, 1, model.latent_dim, generator=generator, dtype=x.dtype).expand(size, len(x), -1),
            )
        )
    return iwae_bound(torch.cat(chunks))
