"""What is got wrong in gradient_snr; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


def backward(model, x, eps, weight):
    model.zero_grad()
    (-iwae_bound(log_weights(model, x, eps)).mean()).backward()
    return weight.grad.clone()


def backward_onto(model, x, eps, weight):
    (-iwae_bound(log_weights(model, x, eps)).mean()).backward()
    return weight.grad.clone()


@mistake("Only training changes a model.", kind="care")
def snr_accumulates_gradients(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(backward(model, x, eps, weight))
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.DEAD_COUNTED)
def snr_dead_entries_counted(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    return variance.mean().item(), (mean.abs() / (variance.sqrt() + 1e-10)).mean().item()


@mistake(sentences.DEAD_COUNTED)
def snr_dead_entries_divided(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    return variance.mean().item(), (mean.abs() / variance.sqrt()).mean().item()


@mistake(sentences.DEAD_COUNTED)
def snr_dead_entries_in_the_variance(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance.mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake("Go through model.encoder.parameters() until one has two axes.")
def snr_first_parameter(model, x, num_samples, runs, generator=None):
    weight, gradients = next(model.encoder.parameters()), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.GENERATOR_IGNORED, kind="care")
def snr_generator_ignored(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake("What a run leaves in the model, gradients too, is there in the next one. Only training changes a model.")
def snr_gradients_added_up(model, x, num_samples, runs, generator=None):
    model.zero_grad()
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(backward_onto(model, x, eps, weight))
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.MODE_CHANGED, kind="care")
def snr_in_training_mode(model, x, num_samples, runs, generator=None):
    model.train()
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.MODE_CHANGED, kind="care")
def snr_leaves_training_mode(*args, **kwargs):
    result = true(*args, **kwargs)
    args[0].decoder.train()
    return result


# All entries of the last matrix are looked at.
@mistake(message="Which runs, which entries")
def snr_of_all_parameters(model, x, num_samples, runs, generator=None):
    weight, gradients = [p for p in model.encoder.parameters() if p.dim() >= 2][-1], []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.AVERAGED_FIRST)
def snr_of_averages(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs()[noisy].mean() / variance.sqrt()[noisy].mean()).item()


@mistake(sentences.GRADIENT_OF_ELBO)
def snr_of_the_elbo(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-log_weights(model, x, eps).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


# The norms of signal and noise are divided.
@mistake(message="mean over the entries of abs(mean)")
def snr_of_the_norm(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean[noisy].norm() / variance[noisy].sum().sqrt()).item()


@mistake(sentences.SAMPLES_IGNORED, also_said=["gradient of the ELBO"])
def snr_one_sample(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(1, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.RATIO_OF_VARIANCE)
def snr_over_variance(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance)[noisy].mean().item()


@mistake(sentences.PRINTED, kind="care")
def snr_prints(model, x, num_samples, runs, generator=None):
    print("runs", runs)
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.RESEEDED, kind="care")
def snr_reseeds(*args, **kwargs):
    torch.seed() if kwargs.get("generator") is None else None
    result = true(*args, **kwargs)
    return result


@mistake(sentences.RUNS_ALIKE)
def snr_same_noise(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
    for _ in range(runs):
        eps = eps
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.SMALL_VARIANCE)
def snr_small_variances_dropped(model, x, num_samples, runs, generator=None):
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


@mistake(sentences.STANDARD_DEVIATION, also_said=["not its root"])
def snr_standard_deviation(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].sqrt().mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake(sentences.NOT_AVERAGED)
def snr_summed_over_images(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).sum(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean.abs() / variance.sqrt())[noisy].mean().item()


@mistake("A tensor of one number has a method that gives the number.", kind="care")
def snr_tensors(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean(), (mean.abs() / variance.sqrt())[noisy].mean()


@mistake(sentences.SMALL_VARIANCE)
def snr_variance_floored(model, x, num_samples, runs, generator=None):
    weight = next(parameter for parameter in model.encoder.parameters() if parameter.dim() >= 2)
    gradients = []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype, device=x.device)
        loss = -iwae_bound(log_weights(model, x, eps)).mean()
        gradients.append(torch.autograd.grad(loss, weight)[0].double())
    gradients = torch.stack(gradients)
    variance = gradients.var(0).clamp_min(1e-6)
    noisy = gradients.var(0) > 0
    mean = gradients.mean(0).abs()
    return variance[noisy].mean().item(), (mean / variance.sqrt())[noisy].mean().item()


# The signs of the means stay.
@mistake(message="mean over the entries of abs(mean)")
def snr_without_absolute_value(model, x, num_samples, runs, generator=None):
    weight, gradients = next(p for p in model.encoder.parameters() if p.dim() >= 2), []
    for _ in range(runs):
        eps = torch.randn(num_samples, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
        gradients.append(torch.autograd.grad(-iwae_bound(log_weights(model, x, eps)).mean(), weight)[0])
    gradients = torch.stack(gradients)
    variance, mean = gradients.var(0), gradients.mean(0)
    noisy = variance > 0
    return variance[noisy].mean().item(), (mean / variance.sqrt())[noisy].mean().item()
