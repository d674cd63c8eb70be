"""What is got wrong in bernoulli_sample; see autograder/judging/known.py for the form."""

from autograder.judging.mistakes import SAID


@mistake(SAID["shared_noise"])
@torch.no_grad()
def pixels_share_noise(logits, generator=None):
    shape = (*logits.shape[:-3], 1, 1, 1)
    noise = torch.rand(shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise < torch.sigmoid(logits)).to(logits.dtype)


@mistake(SAID["not_floating"])
@torch.no_grad()
def sample_boolean(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return noise < torch.sigmoid(logits)


@mistake(SAID["generator_ignored"])
@torch.no_grad()
def sample_generator_ignored(logits, generator=None):
    return torch.bernoulli(torch.sigmoid(logits))


@mistake(SAID["inverted"])
@torch.no_grad()
def sample_inverted(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise > torch.sigmoid(logits)).to(logits.dtype)


@mistake(SAID["probabilities"], also_said=["is nothing drawn", "All answers are the same"])
@torch.no_grad()
def sample_is_mean(logits, generator=None):
    return torch.sigmoid(logits)


@mistake(SAID["gradients_off"])
def sample_leaves_gradients_off(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(*args, **kwargs)
    return result


@mistake(SAID["printed"])
@torch.no_grad()
def sample_prints(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    print("sampling", tuple(logits.shape))
    return (noise < torch.sigmoid(logits)).to(logits.dtype)


@mistake(SAID["reseeded"])
def sample_reseeds(*args, **kwargs):
    torch.manual_seed(0) if len(args) == 1 and not kwargs else None
    result = true(*args, **kwargs)
    return result


@mistake(SAID["gradient_left"])
def sample_straight_through(logits, generator=None):
    theta = torch.sigmoid(logits)
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise < theta).to(logits.dtype) + theta - theta.detach()


@mistake(SAID["thresholded"], also_said=["is nothing drawn", "All answers are the same"])
def sample_thresholded(logits, generator=None):
    return (logits > 0).to(logits.dtype)
