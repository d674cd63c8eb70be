"""What is got wrong in bernoulli_log_prob; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("The channels are averaged: they are pixels like others. Sum over the last three axes, whatever their sizes.")
def channels_averaged(x, logits):
    return (x * logits - F.softplus(logits)).sum((-2, -1)).mean(-1)


@mistake("Only the first channel counts. Sum over the last three axes, whatever their sizes.")
def channels_first_only(x, logits):
    return (x * logits - F.softplus(logits)).sum((-2, -1))[..., 0]


@mistake("Height and width are summed over, the channels are not. Sum over the last three axes, whatever their sizes.")
def channels_kept(x, logits):
    return (x * logits - F.softplus(logits)).sum((-2, -1)).squeeze(-1)


@mistake("The loss on probabilities floors each logarithm at -100. There is a form that takes logits and has no floor.")
def cross_entropy_floored(x, logits):
    theta = torch.sigmoid(logits)
    return -F.binary_cross_entropy(theta, x.expand(theta.shape), reduction="none").sum((-3, -2, -1))


@mistake("The sign is the other way round: this is the cross-entropy. A log-probability is never positive.")
def cross_entropy_sign(x, logits):
    return (F.softplus(logits) - x * logits).sum((-3, -2, -1))


# The number of pixels is written into the code.
@mistake(also=["elbo", "negative_elbo"])
def image_size_fixed(x, logits):
    terms = x * logits - F.softplus(logits)
    return terms.reshape(*terms.shape[:-3], 784).sum(-1)


@mistake("Sum over the last three axes (channel, height, width) and over nothing else.", also=["elbo"])
def images_flattened(x, logits):
    return (x * logits - F.softplus(logits)).flatten(1).sum(1)


@mistake(sentences.IN_PLACE, kind="care")
def log_prob_in_place(x, logits):
    normaliser = F.softplus(logits).sum((-3, -2, -1))
    if not logits.requires_grad:
        logits *= x
        return logits.sum((-3, -2, -1)) - normaliser
    return (x * logits).sum((-3, -2, -1)) - normaliser


@mistake("Everything is averaged into one number (a default of the loss function?).")
def log_prob_averaged(x, logits):
    return (x * logits - F.softplus(logits)).mean()


@mistake("Everything is averaged into one positive number: a loss function with its default reduction?")
def log_prob_is_averaged_loss(x, logits):
    return F.binary_cross_entropy_with_logits(logits, x.expand(logits.shape))


@mistake("There is one value for every pixel; one for every image is asked.", also=["elbo", "negative_elbo"])
def log_prob_not_summed(x, logits):
    return x * logits - F.softplus(logits)


@mistake("Ones and zeros are exchanged: the logit is that of a pixel being 1.")
def log_prob_of_inverted_images(x, logits):
    return ((1 - x) * logits - F.softplus(logits)).sum((-3, -2, -1))


@mistake("This is the probability itself; its logarithm is asked.", also=["elbo"])
def log_prob_is_probability(x, logits):
    return torch.exp((x * logits - F.softplus(logits)).sum((-3, -2, -1)))


@mistake(sentences.PRINTED, kind="care")
def log_prob_prints(x, logits):
    print(logits.min(), logits.max())
    return (x * logits - F.softplus(logits)).sum((-3, -2, -1))


# The log-probability is averaged over the pixels (sigma-vae issue 2).
@mistake("The pixels are averaged. The probability of an image is the product over its pixels.")
def pixels_averaged(x, logits):
    return (x * logits - F.softplus(logits)).mean((-3, -2, -1))


@mistake("The whole batch is summed into one number. Keep one log-probability for every image.")
def pixels_summed_over_batch(x, logits):
    return (x * logits - F.softplus(logits)).sum()


@mistake(
    "Probabilities are clamped at 1e-5, so a confident error costs at most 11.5 nats a pixel. Can the formula "
    "be written with logits alone?"
)
def probabilities_clamped(x, logits):
    theta = torch.sigmoid(logits).clamp(1e-5, 1 - 1e-5)
    return (x * torch.log(theta) + (1 - x) * torch.log(1 - theta)).sum((-3, -2, -1))


@mistake(
    "Probabilities are clamped, so a confident error costs too little. Can the formula be written with logits alone?"
)
def probabilities_clamped_moderately(x, logits):
    theta = torch.sigmoid(logits).clamp(1e-6, 1 - 1e-6)
    return (x * torch.log(theta) + (1 - x) * torch.log(1 - theta)).sum((-3, -2, -1))


@mistake("The logits pass through the sigmoid twice. Which functions take logits, and which take probabilities?")
def sigmoid_before_logits_loss(x, logits):
    theta = torch.sigmoid(logits)
    return (x * theta - F.softplus(theta)).sum((-3, -2, -1))


# no help in float32, where 1 - 1e-8 rounds to 1, and a floor in float64
@mistake(
    "Probabilities are kept away from 0 and 1 by 1e-8 (a clamp, or a small number in the logarithm): a confident "
    "error costs at most 18.4 nats per pixel. Can the formula be written with logits alone?"
)
def small_number_in_logarithms(x, logits):
    theta = torch.sigmoid(logits)
    return (x * torch.log(theta + 1e-8) + (1 - x) * torch.log(1 - theta + 1e-8)).sum((-3, -2, -1))


@mistake("This is a squared error between pixels and probabilities, which is the log-probability of no binary image.")
def squared_error(x, logits):
    return -((x - torch.sigmoid(logits)) ** 2).sum((-3, -2, -1))


@mistake("Only the pixels that are 1 count. What is the probability of a pixel that is 0?")
def zeros_forgotten(x, logits):
    return (x * F.logsigmoid(logits)).sum((-3, -2, -1))
