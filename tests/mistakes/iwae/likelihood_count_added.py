"""log num_samples is added."""

FAILS = {"log_likelihood"}
HINT = "log K is added"
KEEPS = {"log_likelihood": (0.3, 0.5)}


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.logsumexp(torch.cat(chunks), 0) + math.log(num_samples)
