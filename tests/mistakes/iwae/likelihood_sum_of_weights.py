"""The weights themselves are added up."""

FAILS = {"log_likelihood"}
HINT = "logarithm of the sum of the weights"


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.log(sum(torch.exp(chunk).sum(0) for chunk in chunks) / num_samples)
