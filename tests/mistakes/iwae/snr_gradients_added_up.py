"""The gradients of earlier runs are not cleared."""

FAILS = {"gradient_snr"}
HINT = "Only training changes a model"


def backward(model, x, eps, weight):
    (-iwae_bound(log_weights(model, x, eps)).mean()).backward()
    return weight.grad.clone()


def gradient_snr(model, x, num_samples, runs, generator=None):
    model.zero_grad()
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(backward(model, x, eps, weight))
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()
