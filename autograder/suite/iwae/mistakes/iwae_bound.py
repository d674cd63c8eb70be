"""What is got wrong in iwae_bound; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake(
    "The batch is averaged into one number. Keep one bound for every image; the loss averages.",
    also_said=["One bound for every image", "One value for every image"],
)
def bound_averaged_over_batch(log_w):
    return (torch.logsumexp(log_w, 0) - math.log(len(log_w))).mean()


@mistake(sentences.DETACHED, kind="gradient", also=["gradient_snr"])
def bound_detached(log_w):
    return torch.logsumexp(log_w.detach(), 0) - math.log(len(log_w))


@mistake("The sum of the weights is divided by K - 1. It is a plain mean.")
def bound_divides_by_one_less(log_w):
    return torch.logsumexp(log_w, 0) - math.log(max(1, len(log_w) - 1))


@mistake("Only the largest weight counts.")
def bound_largest_weight(log_w):
    return log_w.amax(0)


@mistake(sentences.LOG_K_SIGN)
def bound_log_k_added(log_w):
    return torch.logsumexp(log_w, 0) + math.log(len(log_w))


@mistake(sentences.LOG_K_MISSING)
def bound_log_k_missing(log_w):
    return torch.logsumexp(log_w, 0)


@mistake(
    "The logarithms are averaged: this is the ELBO with K samples, which does not get tighter with K. Which "
    "comes first in the bound, the mean or the logarithm?",
    also_said=["Which comes first"],
)
def bound_mean_of_logs(log_w):
    return log_w.mean(0)


@mistake("This is the negative bound, a loss. The bound itself is asked; the sign changes in the loss.")
def bound_negative(log_w):
    return math.log(len(log_w)) - torch.logsumexp(log_w, 0)


@mistake("exp(-10,000) rounds to zero and exp(10,000) to infinity: take the largest out before the exponentials.")
def bound_not_shifted(log_w):
    return torch.log(torch.exp(log_w).mean(0))


@mistake(
    "The exponentials are those of the negative log weights, as if these were losses: the smallest weight "
    "rules. The sign changes once, after the logarithm."
)
def bound_of_losses(log_w):
    return -(torch.logsumexp(-log_w, 0) - math.log(len(log_w)))


@mistake(
    "The sum runs over the images. Each image has its own bound; the samples are the first axis.",
    also=["iwae_loss"],
    also_said=["Each image has its own bound."],
)
def bound_over_batch(log_w):
    return torch.logsumexp(log_w, 1) - math.log(log_w.shape[1])


@mistake(sentences.PRINTED, kind="care")
def bound_prints(log_w):
    print("bound")
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


@mistake(sentences.IN_PLACE, kind="care")
def bound_shifted_in_place(log_w):
    top = log_w.amax(0)
    log_w = log_w.sub_(top) if not log_w.requires_grad else log_w - top
    return torch.log(torch.exp(log_w).mean(0)) + top


@mistake("exp(-10,000) rounds to zero and exp(10,000) to infinity: take the largest out before the exponentials.")
def bound_small_number(log_w):
    return torch.log(torch.exp(log_w).mean(0) + 1e-30)


@mistake("The logarithm of the number of images is subtracted. The mean is one over the samples.")
def bound_log_of_batch(log_w):
    return torch.logsumexp(log_w, 0) - math.log(log_w.shape[1])


@mistake("The exponentials are those of the negative log weights: the smallest weight rules.")
def bound_of_losses_negative(log_w):
    return torch.logsumexp(-log_w, 0) - math.log(len(log_w))


@mistake("The exponentials are those of the negative log weights, as if these were losses: the smallest weight rules.")
def bound_of_losses_log_k_missing(log_w):
    return -torch.logsumexp(-log_w, 0)


@mistake(
    "The sum runs over the images. Each image has its own bound; the samples are the first axis.",
    also=["iwae_loss"],
    also_said=["Samples and images are averaged together, before the logarithm"],  # with one sample it is that
)
def bound_over_batch_log_k(log_w):
    return torch.logsumexp(log_w, 1) - math.log(len(log_w))


@mistake(
    "Samples and images are averaged together. Each image has its own bound.",
    also=["iwae_loss"],
    also_said=["Samples and images are averaged together", "One bound for every image"],
)
def bound_over_all(log_w):
    return torch.logsumexp(log_w, (0, 1)) - math.log(log_w.numel())


@mistake("This is the mean weight; its logarithm is asked.", also=["gradient_snr"])
def bound_mean_weight(log_w):
    return torch.exp(log_w).mean(0)


@mistake("The largest log weight is taken out of the exponentials, but not added again.", also=["iwae_loss"])
def bound_largest_kept_out(log_w):
    return torch.logsumexp(log_w - log_w.amax(0), 0) - math.log(len(log_w))


@mistake(
    "A small number is added inside the logarithm, which matters where all weights are small.", also=["gradient_snr"]
)
def bound_small_number_of_float32(log_w):
    return torch.log(torch.exp(log_w).mean(0) + 1e-8)
