"""What is got wrong in reconstruct; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("The decoder sees log_var instead of the posterior mean: look at the order of what the encoder returns.")
@torch.no_grad()
def reconstruction_from_log_var(model, x):
    _, mu = model.encoder(x)
    return torch.sigmoid(model.decoder(mu))


@mistake(sentences.UNSTEADY, also_said=["not a sample"])
@torch.no_grad()
def reconstruction_from_sample(model, x):
    mu, log_var = model.encoder(x)
    return torch.sigmoid(model.decoder(reparameterize(mu, log_var, torch.randn_like(mu))))


@mistake(sentences.MODE_DURING, kind="care")
def reconstruction_in_training_mode(model, x):
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    result = true(model, x)
    for module, training in modes:
        module.training = training
    return result


@mistake("These are logits. Which function turns them into probabilities?")
@torch.no_grad()
def reconstruction_is_logits(model, x):
    mu, _ = model.encoder(x)
    return model.decoder(mu)


@mistake(sentences.MODE_CHANGED, kind="care")
@torch.no_grad()
def reconstruction_leaves_evaluation_mode(model, x):
    model.eval()
    mu, _ = model.encoder(x)
    return torch.sigmoid(model.decoder(mu))


@mistake(sentences.GRADIENTS_OFF, kind="care")
def reconstruction_leaves_gradients_off(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(*args, **kwargs)
    return result


@mistake(sentences.MODE_CHANGED, kind="care")
def reconstruction_leaves_training_mode(*args, **kwargs):
    result = true(*args, **kwargs)
    args[0].decoder.train()
    return result


@mistake("These are zeros and ones. The Bernoulli means are asked: probabilities between 0 and 1.")
@torch.no_grad()
def reconstruction_thresholded(model, x):
    mu, _ = model.encoder(x)
    return (model.decoder(mu) > 0).to(x.dtype)


@mistake(sentences.GRADIENT_LEFT, kind="care")
def reconstruction_with_gradient(model, x):
    mu, _ = model.encoder(x)
    return torch.sigmoid(model.decoder(mu))


@mistake("The sigmoid is applied twice: all answers lie between 0.5 and 0.74.")
@torch.no_grad()
def reconstruction_sigmoid_twice(model, x):
    return torch.sigmoid(true(model, x))


@mistake("This is x itself, not what the model makes of it.")
def reconstruction_is_input(model, x):
    return x.clone()
