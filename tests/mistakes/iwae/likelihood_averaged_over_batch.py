"""One number for the batch."""

FAILS = {"log_likelihood"}
HINT = "Keep one value for every image"
ALSO = (
    "One bound for every image",
    "One value for every image",
)


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks)).mean()
