"""The gradient is that of the ELBO."""

FAILS = {"gradient_snr"}
HINT = "gradient of the ELBO"
KEEPS = {"gradient_snr": (0.7, 0.9)}


def gradient_snr(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-log_weights(model, x, eps).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()
