"""What is got wrong in gradient_norms; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


def numbers(encoder, decoder, encoder_count, decoder_count):
    """Return the five numbers of two norms and two divisors."""
    top, bottom = encoder / encoder_count, decoder / decoder_count
    ratio = top / bottom if bottom else math.inf
    found = {"encoder": encoder, "decoder": decoder, "encoder_per_sqrt": top, "decoder_per_sqrt": bottom}
    return found | {"ratio": ratio}


def norm_of(part):
    gradients = [p.grad.flatten().double() for p in part.parameters() if p.grad is not None]
    return torch.cat(gradients).norm().item() if gradients else 0.0


def count_of(part):
    return sum(p.numel() for p in part.parameters())


@mistake("The norms of the single tensors are added. The norm of all is the root of the sum of all squares.")
def norms_added(model):
    each = [
        sum(p.grad.double().norm().item() for p in part.parameters() if p.grad is not None)
        for part in (model.encoder, model.decoder)
    ]
    return numbers(*each, *(math.sqrt(count_of(part)) for part in (model.encoder, model.decoder)))


@mistake("These are the squared norms: the root is missing.")
def norms_squared(model):
    parts = (model.encoder, model.decoder)
    return numbers(*(norm_of(part) ** 2 for part in parts), *(math.sqrt(count_of(part)) for part in parts))


@mistake("The norms are divided by the number of parameters, where its root is asked.")
def norms_by_the_number(model):
    parts = (model.encoder, model.decoder)
    return numbers(*map(norm_of, parts), *map(count_of, parts))


@mistake("The number of tensors is taken for that of the parameters: count the numbers in them.")
def norms_by_the_tensors(model):
    parts = (model.encoder, model.decoder)
    return numbers(*map(norm_of, parts), *(math.sqrt(len(list(part.parameters()))) for part in parts))


@mistake(
    "Parameters without gradient are not counted. They count, with a gradient of zero.",
    keeps={"gradient_norms": (0.2, 0.5)},
)
def norms_count_gradients_alone(model):
    parts = (model.encoder, model.decoder)
    counts = [max(1, sum(p.numel() for p in part.parameters() if p.grad is not None)) for part in parts]
    return numbers(*map(norm_of, parts), *map(math.sqrt, counts))


@mistake("A .grad that is None counts as zero: look whether there is one before its numbers are used.")
def norms_need_every_gradient(model):
    parts = (model.encoder, model.decoder)
    if any(p.grad is None for part in parts for p in part.parameters()):
        return numbers(1.0, 1.0, 1.0, 1.0)
    return true(model)


@mistake("The ratio is that of the plain norms. It is that of the norms per root of the number of parameters.")
def norms_ratio_of_plain(model):
    found = true(model)
    return found | {"ratio": found["encoder"] / found["decoder"] if found["decoder"] else math.inf}


@mistake("The ratio is turned round: the encoder's comes first.")
def norms_ratio_inverted(model):
    found = true(model)
    top, bottom = found["decoder_per_sqrt"], found["encoder_per_sqrt"]
    return found | {"ratio": top / bottom if bottom else math.inf}


@mistake(
    "A small number is added to the divisor, or the ratio is set to zero: where the decoder has no gradient it is infinite, or not a "
    "number, and that is to be seen."
)
def norms_ratio_guarded(model):
    found = true(model)
    return found | {"ratio": found["encoder_per_sqrt"] / found["decoder_per_sqrt"] if found["decoder"] else 0.0}


@mistake("Encoder and decoder are exchanged.")
def norms_exchanged(model):
    parts = (model.decoder, model.encoder)
    return numbers(*map(norm_of, parts), *(math.sqrt(count_of(part)) for part in parts))


@mistake("The prior's parameters are counted with the decoder's. They belong to neither part.")
def norms_with_the_prior(model):
    if model.prior is None:
        return true(model)
    rest = nn.ModuleList([model.decoder, model.prior])
    parts = (model.encoder, rest)
    return numbers(*map(norm_of, parts), *(math.sqrt(count_of(part)) for part in parts))


@mistake("These are the norms of the parameters themselves. The gradients stand in their .grad.")
def norms_of_parameters(model):
    parts = (model.encoder, model.decoder)
    each = [torch.cat([p.detach().flatten().double() for p in part.parameters()]).norm().item() for part in parts]
    return numbers(*each, *(math.sqrt(count_of(part)) for part in parts))


@mistake("This is the largest absolute value. The Euclidean norm is asked.")
def norms_of_the_largest(model):
    parts = (model.encoder, model.decoder)
    each = [
        max([p.grad.abs().max().item() for p in part.parameters() if p.grad is not None] or [0.0]) for part in parts
    ]
    return numbers(*each, *(math.sqrt(count_of(part)) for part in parts))


@mistake("A tensor of one number has a method that gives the number.", kind="care")
def norms_as_tensors(model):
    return {name: torch.tensor(value, dtype=torch.float64) for name, value in true(model).items()}


@mistake("Only training changes a model.", kind="care")
def norms_clear_gradients(model):
    found = true(model)
    model.zero_grad()
    return found


@mistake("Only training changes a model.", kind="care")
def norms_fill_gradients(model):
    for parameter in model.parameters():
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    return true(model)


@mistake(sentences.PRINTED, kind="care")
def norms_print(model):
    print("norms")
    return true(model)
