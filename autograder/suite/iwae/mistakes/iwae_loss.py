"""What is got wrong in iwae_loss; see autograder/judging/known.py for the form."""

from autograder.judging.mistakes import LOG_K_MISSING, LOG_K_SIGN, SAID


@mistake("A misspelt option must not go unnoticed: raise ValueError(...).")
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


@mistake(SAID["other_dtype"])
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


@mistake(LOG_K_SIGN)
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


@mistake(LOG_K_MISSING)
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


@mistake(SAID["printed"])
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


@mistake(SAID["in_place"])
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


@mistake(
    "This is the bound, not its negative: a loss is what training makes smaller.",
    also_said=["wrong sign", "opposite sign"],
)
def loss_sign(log_w, form):
    if form == "fast":
        return iwae_bound(log_w).mean()
    if form == "normalized":
        weights = torch.softmax(log_w.detach(), 0)
    elif form == "original":
        scaled = torch.exp(log_w.detach() - log_w.detach().amax(0))
        weights = scaled / scaled.sum(0)
    else:
        raise ValueError(form)
    return (weights * log_w).sum(0).mean()


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


@mistake(SAID["not_averaged"])
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


@mistake("There is one value for every image; one number is asked.", keeps={"iwae_loss": (0.4, 0.8)})
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
    "of the bound is the weighted sum of the gradients of log w, and of nothing else.",
    keeps={"iwae_loss": (0.5, 0.8)},
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
