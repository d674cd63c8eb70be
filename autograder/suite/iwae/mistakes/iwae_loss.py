"""What is got wrong in iwae_loss; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("A misspelt option must not go unnoticed: raise ValueError(...).", kind="refusal")
def loss_accepts_any_form(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        weights = torch.softmax(log_w.detach(), 0)
    return -(weights * log_w).sum(0).mean()


@mistake("The weighted log weights are averaged over the samples. The weights sum to one already.")
def loss_averaged_over_samples(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).mean()


@mistake("The log weights are averaged: this is the negative ELBO.", also_said=["gradient of the ELBO"])
def loss_elbo(log_w, form):
    if form == "fast":
        return -log_w.mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake(sentences.OTHER_DTYPE, kind="care")
def loss_in_float64(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w.double()).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).double().sum(0).mean()


@mistake(sentences.LOG_K_SIGN)
def loss_log_k_added(log_w, form):
    if form == "fast":
        return -(torch.logsumexp(log_w, 0) + math.log(len(log_w))).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake(sentences.LOG_K_MISSING)
def loss_log_k_missing(log_w, form):
    if form == "fast":
        return -torch.logsumexp(log_w, 0).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake(
    "It is the weights that are differentiated, and the log weights that are constant: just the other way round.",
    also_said=["cuts the graph"],
)
def loss_log_weights_detached(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form in ("normalized", "original"):
        weights = torch.softmax(log_w, 0)
    else:
        raise ValueError(form)
    return -(weights * log_w.detach()).sum(0).mean()


@mistake(
    "The weights in front of the log weights are differentiated as well. They are constants here: the gradient "
    "of the bound is the weighted sum of the gradients of log w, and of nothing else."
)
def loss_original_attached(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        weights = torch.softmax(log_w, 0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake("The weights are scaled by the largest one, but not divided by their sum.")
def loss_original_not_divided(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


# The original form exponentiates the log weights as they come.
@mistake(message="Look for log(0)")
def loss_original_not_shifted(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        weights = torch.exp(log_w.detach()) / torch.exp(log_w.detach()).sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake(sentences.PRINTED, kind="care")
def loss_prints(log_w, form):
    print(form)
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake(sentences.IN_PLACE, kind="care")
def loss_shifts_in_place(log_w, form):
    with torch.no_grad():
        shift = log_w.amax()
        log_w -= shift
    if form == "fast":
        return -(iwae_bound(log_w) + shift).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake("This is the bound, not its negative: a loss is what training makes smaller.", also_said=["wrong sign"])
def loss_sign(log_w, form):
    return iwae_bound(log_w).mean() if form == "fast" else true(log_w, form)


@mistake("The weights sum to one over the images. It is the samples of one image that share the sum.")
def loss_softmax_over_images(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 1)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


@mistake(sentences.NOT_AVERAGED)
def loss_summed(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).sum()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum()


@mistake("There is one value for every image; one number is asked.")
def loss_vector(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w)
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0)


@mistake(
    "The weights in front of the log weights are differentiated as well. They are constants here: the gradient "
    "of the bound is the weighted sum of the gradients of log w, and of nothing else."
)
def loss_weights_attached(log_w, form):
    if form == "fast":
        return -iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w, 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return -(weights * log_w).sum(0).mean()


def weighted(log_w, form, weights):
    """Return the right loss, but the two forms with weights with these weights."""
    return true(log_w, form) if form not in ("normalized", "original") else -(weights * log_w).sum(0).mean()


@mistake("The gradient has the wrong sign: a loss is what training makes smaller.", also_said=["opposite sign"])
def loss_sign_of_weighted(log_w, form):
    return weighted(log_w, form, -torch.softmax(log_w.detach(), 0))


@mistake("All samples weigh the same: this is the gradient of the ELBO.")
def loss_weights_equal(log_w, form):
    return weighted(log_w, form, torch.full_like(log_w, 1 / len(log_w)))


@mistake("The weights sum to one over the images. It is the samples of one image that share the sum.")
def loss_original_over_images(log_w, form):
    return true(log_w, form) if form != "original" else weighted(log_w, form, torch.softmax(log_w.detach(), 1))


@mistake("All weights of the batch share one sum. It is the samples of one image that share the sum.")
def loss_weights_over_all(log_w, form):
    return weighted(log_w, form, torch.softmax(log_w.detach().flatten(), 0).reshape(log_w.shape))


@mistake("The weights are scaled by the largest one, but not divided by their sum.")
def loss_normalized_not_divided(log_w, form):
    largest = log_w.detach().amax(0)
    return true(log_w, form) if form != "normalized" else weighted(log_w, form, torch.exp(log_w.detach() - largest))


@mistake("The weighted sum is one of the weights themselves; it is the log weights that are averaged.")
def loss_of_weights(log_w, form):
    if form not in ("normalized", "original"):
        return true(log_w, form)
    return -(torch.softmax(log_w.detach(), 0) * torch.exp(log_w)).sum(0).mean()


@mistake("The smallest weight rules: look at the sign inside the exponential.")
def loss_smallest_weight_rules(log_w, form):
    return weighted(log_w, form, torch.softmax(-log_w.detach(), 0))


@mistake("The exponentials are those of the negative log weights, as if these were losses: the smallest weight rules.")
def loss_of_losses(log_w, form):
    return iwae_bound(-log_w).mean() if form == "fast" else true(log_w, form)


@mistake("Samples and images are averaged together, before the logarithm. Each image has its own bound.")
def loss_over_all(log_w, form):
    return -iwae_bound(log_w.reshape(-1, 1)).mean() if form == "fast" else true(log_w, form)


@mistake('This is the value of the weighted forms. "fast" is the negative bound itself.')
def loss_fast_is_weighted(log_w, form):
    return true(log_w, "normalized" if form == "fast" else form)
