"""Entries without noise count as zero."""

FAILS = {"gradient_snr"}
HINT = "leave them out"
KEEPS = {"gradient_snr": (0.7, 0.9)}


def gradient_snr(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    return variance.mean().item(), (mean.abs() / (variance.sqrt() + 1e-10)).mean().item()
