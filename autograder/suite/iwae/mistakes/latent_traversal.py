"""What is got wrong in latent_traversal; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("The values are added to the coordinate; it is to be replaced.")
@torch.no_grad()
def traversal_adds(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = mu[0, dim] + value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake(
    "A coordinate that was replaced stays replaced when the next one's turn comes: write into a copy of the "
    "posterior mean.",
    keeps={"latent_traversal": (0.1, 0.5)},
)
@torch.no_grad()
def traversal_changes_its_base(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake(sentences.MEAN_CHANGED, kind="care")
@torch.no_grad()
def traversal_encodes_anew(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = model.encoder(x)[0]
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake("One row of images for every dimension, one column for every value.")
@torch.no_grad()
def traversal_flat(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows)


@mistake("All other coordinates are zero. They are to be those of the image's posterior mean.")
@torch.no_grad()
def traversal_from_zero(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = torch.zeros_like(mu)
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake(sentences.MODE_DURING, kind="care")
def traversal_in_training_mode(model, x, dims, values):
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    result = true(model, x, dims, values)
    for module, training in modes:
        module.training = training
    return result


@mistake(sentences.MODE_CHANGED, kind="care")
@torch.no_grad()
def traversal_leaves_evaluation_mode(model, x, dims, values):
    mu, log_var = model.encoder(x)
    model.decoder.eval()
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake(sentences.GRADIENTS_OFF, kind="care")
def traversal_leaves_gradients_off(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(*args, **kwargs)
    return result


@mistake(sentences.MODE_CHANGED, kind="care")
def traversal_leaves_training_mode(*args, **kwargs):
    result = true(*args, **kwargs)
    args[0].decoder.train()
    return result


@mistake(sentences.UNSTEADY, also_said=["not a sample"])
@torch.no_grad()
def traversal_of_a_sample(model, x, dims, values):
    mu, log_var = model.encoder(x)
    mu = reparameterize(mu, log_var, torch.randn_like(mu))
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake("The coordinates that are replaced are the first ones: dims says which.")
@torch.no_grad()
def traversal_of_first_dims(model, x, dims, values):
    mu, log_var = model.encoder(x)
    dims = range(len(dims))
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake("The other coordinates are those of log_var: look at the order of what the encoder returns.")
@torch.no_grad()
def traversal_of_log_var(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = log_var.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake("These are logits. Which function turns them into probabilities?", keeps={"latent_traversal": (0.1, 0.5)})
@torch.no_grad()
def traversal_of_logits(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(model.decoder(z))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake(sentences.PRINTED, kind="care")
@torch.no_grad()
def traversal_prints(model, x, dims, values):
    mu, log_var = model.encoder(x)
    print(len(dims))
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake("These are zeros and ones. The Bernoulli means are asked: probabilities between 0 and 1.")
@torch.no_grad()
def traversal_thresholded(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append((model.decoder(z) > 0).to(x.dtype))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake("Rows and columns are exchanged: one row for every dimension, one column for every value.")
@torch.no_grad()
def traversal_transposed(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:]).transpose(0, 1)


@mistake(sentences.GRADIENT_LEFT, kind="care")
def traversal_with_gradient(model, x, dims, values):
    mu, log_var = model.encoder(x)
    rows = []
    for dim in dims:
        for value in values:
            z = mu.clone()
            z[0, dim] = value
            rows.append(torch.sigmoid(model.decoder(z)))
    return torch.cat(rows).reshape(len(dims), len(values), *x.shape[1:])


@mistake("The sigmoid is applied twice.")
@torch.no_grad()
def traversal_sigmoid_twice(model, x, dims, values):
    return torch.sigmoid(true(model, x, dims, values))


@mistake("Nothing is replaced: all images are the reconstruction.")
@torch.no_grad()
def traversal_of_nothing(model, x, dims, values):
    mu, _ = model.encoder(x)
    return torch.sigmoid(model.decoder(mu.repeat(len(dims), len(values), 1)))
