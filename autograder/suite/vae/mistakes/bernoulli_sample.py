"""What is got wrong in bernoulli_sample; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake(sentences.SHARED_NOISE)
@torch.no_grad()
def pixels_share_noise(logits, generator=None):
    shape = (*logits.shape[:-3], 1, 1, 1)
    noise = torch.rand(shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise < torch.sigmoid(logits)).to(logits.dtype)


@mistake(sentences.NOT_FLOATING)
@torch.no_grad()
def sample_boolean(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return noise < torch.sigmoid(logits)


@mistake(sentences.GENERATOR_IGNORED, kind="care")
@torch.no_grad()
def sample_generator_ignored(logits, generator=None):
    return torch.bernoulli(torch.sigmoid(logits))


@mistake(sentences.INVERTED)
@torch.no_grad()
def sample_inverted(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise > torch.sigmoid(logits)).to(logits.dtype)


@mistake(sentences.PROBABILITIES, also_said=["is nothing drawn", "All answers are the same"])
@torch.no_grad()
def sample_is_mean(logits, generator=None):
    return torch.sigmoid(logits)


@mistake(sentences.GRADIENTS_OFF, kind="care")
def sample_leaves_gradients_off(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(*args, **kwargs)
    return result


@mistake(sentences.PRINTED, kind="care")
@torch.no_grad()
def sample_prints(logits, generator=None):
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    print("sampling", tuple(logits.shape))
    return (noise < torch.sigmoid(logits)).to(logits.dtype)


@mistake(sentences.RESEEDED, kind="care")
def sample_reseeds(*args, **kwargs):
    torch.manual_seed(0) if len(args) == 1 and not kwargs else None
    result = true(*args, **kwargs)
    return result


@mistake(sentences.GRADIENT_LEFT)
def sample_straight_through(logits, generator=None):
    theta = torch.sigmoid(logits)
    noise = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
    return (noise < theta).to(logits.dtype) + theta - theta.detach()


@mistake(sentences.THRESHOLDED, also_said=["is nothing drawn", "All answers are the same"])
def sample_thresholded(logits, generator=None):
    return (logits > 0).to(logits.dtype)
