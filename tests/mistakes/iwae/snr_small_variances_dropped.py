"""Entries of a small variance are left out."""

FAILS = {"gradient_snr"}
HINT = "small variance"


def gradient_snr(model, x, num_samples, runs, generator=None):
    weight = next(parameter for parameter in model.encoder.parameters() if parameter.dim() >= 2)
    gradients = []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype, device=x.device)
        loss = -iwae_bound(log_weights(model, x, eps)).mean()
        gradients.append(torch.autograd.grad(loss, weight)[0].double())
    gradients = torch.stack(gradients)
    variance = gradients.var(0)
    noisy = variance > 1e-6
    mean = gradients.mean(0).abs()
    return variance[noisy].mean().item(), (mean / variance.sqrt())[noisy].mean().item()
