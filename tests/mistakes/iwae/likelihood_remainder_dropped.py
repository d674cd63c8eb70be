"""The samples that do not fill a chunk are left out."""

FAILS = {"log_likelihood"}
HINT = "left out of the sum"
ALSO = ("Fewer than num_samples",)


@torch.no_grad()
def log_likelihood(model, x, num_samples, chunk_size, generator=None):
    total = torch.full((len(x),), -math.inf, dtype=x.dtype)
    for _ in range(num_samples // chunk_size):
        size = chunk_size
        total = torch.logaddexp(
            total,
            torch.logsumexp(
                log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype)),
                0,
            ),
        )
    return total - math.log(num_samples)
