"""The noise is the same in every call."""

FAILS = {"log_likelihood"}
HINT = "a seed set inside"
ALSO = (
    "drawn from or seeded",
    "seed is set inside",
)


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    generator = torch.Generator().manual_seed(0)
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks))
