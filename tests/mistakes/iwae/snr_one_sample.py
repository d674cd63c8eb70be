"""num_samples is ignored."""

FAILS = {"gradient_snr"}
HINT = "is num_samples used"
ALSO = ("gradient of the ELBO",)


def gradient_snr(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(1, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()
