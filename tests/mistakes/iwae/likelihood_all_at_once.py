"""chunk_size is ignored."""

FAILS = {"log_likelihood"}
HINT = "chunk by chunk"
KEEPS = {"log_likelihood": (0.6, 0.9)}


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    size = num_samples
    return iwae_bound(
        log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
    )
