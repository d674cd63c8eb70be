"""Only one chunk is drawn."""

FAILS = {"log_likelihood"}
HINT = "Fewer than num_samples"
ALSO = ("Only the first chunk",)


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    size = min(chunk_size, num_samples)
    return iwae_bound(
        log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
    )
