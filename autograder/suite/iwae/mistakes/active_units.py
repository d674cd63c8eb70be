"""What is got wrong in active_units; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("A misspelt option must not go unnoticed: raise ValueError(...).", kind="refusal")
@torch.no_grad()
def units_accept_any_rule(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        statistic = mu.var(0)
    return int((statistic > threshold).sum()), statistic


@mistake("A tensor of one number has a method that gives the number.", kind="care")
@torch.no_grad()
def units_count_is_a_tensor(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return (statistic > threshold).sum(), statistic


@mistake(
    "The images are taken in batches whose means are averaged, though the last batch is smaller.",
    size=(32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000),
)
@torch.no_grad()
def units_divergence_by_batches(model, x, rule, threshold=0.01, *, size):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = torch.stack(
            [part.mean(0) for part in kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).split(size)]
        ).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake('This is the statistic of the rule "kl".')
@torch.no_grad()
def units_divergence_for_both(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule in ("kl", "variance"):
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake("The divergences are summed over the images, where their mean is asked.")
@torch.no_grad()
def units_divergence_summed(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).sum(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake(sentences.STRICT_THRESHOLD)
@torch.no_grad()
def units_inactive_counted(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic <= threshold).sum()), statistic


@mistake(sentences.GRADIENTS_OFF, kind="care")
def units_leave_gradients_off(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(*args, **kwargs)
    return result


@mistake(sentences.MODE_CHANGED, kind="care")
def units_leave_training_mode(*args, **kwargs):
    result = true(*args, **kwargs)
    args[0].encoder.train()
    return result


@mistake(sentences.NOT_FLOATING)
@torch.no_grad()
def units_mask_returned(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic > threshold


@mistake("This is the mean variance of q(z|x). How much the posterior mean varies from image to image is asked.")
@torch.no_grad()
def units_mean_posterior_variance(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = torch.exp(log_var).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake(
    "The mean runs over the latent dimensions. Each dimension has its own statistic, a mean over the images.",
    also_said=["One statistic for every latent dimension"],
)
@torch.no_grad()
def units_over_latents(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(-1)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake(sentences.PRINTED, kind="care")
@torch.no_grad()
def units_print(model, x, rule, threshold=0.01):
    print(rule)
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake('This is the statistic of the rule "variance".', also_said=['rule "kl"'], asked=False)
@torch.no_grad()
def units_rules_exchanged(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = mu.var(0)
    elif rule == "variance":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake("The squares of the posterior means are averaged. A variance does not change when all means are shifted.")
@torch.no_grad()
def units_second_moment(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = (mu**2).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake("This is the standard deviation; its square is asked.")
@torch.no_grad()
def units_standard_deviation(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.std(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake(sentences.STRICT_THRESHOLD)
@torch.no_grad()
def units_threshold_ignored(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > 0.01).sum()), statistic


@mistake(sentences.STRICT_THRESHOLD)
@torch.no_grad()
def units_threshold_of_one(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0)
    else:
        raise ValueError(rule)
    return int((statistic > (0.1 if threshold == 0.01 else threshold)).sum()), statistic


@mistake(sentences.STRICT_THRESHOLD)
def units_threshold_reached(model, x, rule, threshold=0.01):
    _, statistic = true(model, x, rule, threshold)
    return int((statistic >= threshold).sum()), statistic


@mistake(
    "The variances of q(z|x) are added: that is the variance of samples, about one for a dimension without use.",
    keeps={"active_units": (0.2, 0.5)},
)
@torch.no_grad()
def units_total_variance(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = mu.var(0) + torch.exp(log_var).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake(
    "The images are taken in batches whose variances are averaged. The variance between the batches is lost: "
    "take all posterior means together.",
    size=(32, 50, 64, 100, 128, 200, 250, 256, 500, 512, 1000),
)
@torch.no_grad()
def units_variance_by_batches(model, x, rule, threshold=0.01, *, size):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = torch.stack([part.var(0) for part in mu.split(size) if len(part) > 1]).mean(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


@mistake("The posterior's mean and variance are known: nothing has to be sampled.")
@torch.no_grad()
def units_variance_of_samples(model, x, rule, threshold=0.01):
    mu, log_var = model.encoder(x)
    if rule == "kl":
        statistic = kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)).mean(0)
    elif rule == "variance":
        statistic = (mu + torch.exp(log_var / 2) * torch.randn_like(mu)).var(0)
    else:
        raise ValueError(rule)
    return int((statistic > threshold).sum()), statistic


def counted(statistic, threshold):
    return int((statistic > threshold).sum()), statistic


@mistake("The divergence is twice what it should be: is the factor ½ missing?")
@torch.no_grad()
def units_divergence_half_missing(model, x, rule, threshold=0.01):
    _, statistic = true(model, x, rule, threshold)
    return counted(2 * statistic if rule == "kl" else statistic, threshold)


@mistake("The divergence has the wrong sign.")
@torch.no_grad()
def units_divergence_sign(model, x, rule, threshold=0.01):
    _, statistic = true(model, x, rule, threshold)
    return counted(-statistic if rule == "kl" else statistic, threshold)


@mistake(
    "There is one value for every image: average over the images.",
    also_said=["One statistic for every latent dimension"],
)
@torch.no_grad()
def units_divergence_of_images(model, x, rule, threshold=0.01):
    if rule != "kl":
        return true(model, x, rule, threshold)
    mu, log_var = model.encoder(x)
    return counted(kl_standard_normal(mu.unsqueeze(-1), log_var.unsqueeze(-1)), threshold)


@mistake("This is the divergence of averaged parameters. It is the divergences of the images that are averaged.")
@torch.no_grad()
def units_divergence_of_the_average(model, x, rule, threshold=0.01):
    if rule != "kl":
        return true(model, x, rule, threshold)
    mu, log_var = model.encoder(x)
    return counted(kl_standard_normal(mu.mean(0).unsqueeze(-1), log_var.mean(0).unsqueeze(-1)), threshold)


@mistake("This is the variance of log_var: look at the order of what the encoder returns.")
@torch.no_grad()
def units_variance_of_log_var(model, x, rule, threshold=0.01):
    if rule != "variance":
        return true(model, x, rule, threshold)
    return counted(model.encoder(x)[1].var(0), threshold)


@mistake(
    "The variance is one over the latent dimensions, where it is to run over the images.",
    also_said=["One statistic for every latent dimension"],
)
@torch.no_grad()
def units_variance_over_latents(model, x, rule, threshold=0.01):
    if rule != "variance":
        return true(model, x, rule, threshold)
    return counted(model.encoder(x)[0].var(-1), threshold)


@mistake('This is the statistic of the rule "variance".')
@torch.no_grad()
def units_variance_for_both(model, x, rule, threshold=0.01):
    true(model, x, rule, threshold)  # refuses other rules
    return counted(model.encoder(x)[0].var(0), threshold)
