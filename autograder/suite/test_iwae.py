"""Hidden tests of the assignment on importance weighted autoencoders, exercise by exercise.

As in the suites before it, a test asks `student` for one behaviour on inputs from `draw`, and the truth comes from
`oracles`. An early mistake costs once:

- iwae_bound, normalized_weights and iwae_loss take log weights that the suite makes, active_units and latent_traversal
  its models: a wrong log_weights touches none of them.
- iwae_loss in its form "fast", log_likelihood and gradient_snr are also right where they are what the student's own
  iwae_bound, or log_weights, make of the same weights or of other noise.
- What extreme weights do is judged against the student's own answers as well: the formula is judged elsewhere.

Shapes: B images, K samples, D latent dimensions. Most of what is random here is asked in a way whose answer is known:
a model that follows a script, weights that are all equal, runs whose noise is repeated by a seed. Where chance remains,
a right answer fails once in 1e9 times.
"""

import math

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.expect import Wrong, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel, Enumerated
from autograder.judging.rubric import Partial, worth
from autograder.kernel.failures import StudentError
from autograder.kernel.wire import Seed
from autograder.suite.iwae import (
    FORMS,
    Earlier,
    accepted,
    agrees_with_own,
    answer_for,
    check_count,
    check_estimate,
    check_fast_loss,
    check_likelihood,
    check_loss_gradient,
    check_manners,
    check_of_weights,
    check_scores,
    check_traversal,
    check_variance,
    check_weight_gradients,
    check_weights,
    distinct,
    image,
    likelihood_call,
    own_bounds,
    own_gradients,
    scores,
    single_pixel,
    snr,
    unless_noiseless,
    untidy,
    with_posterior,
    without_code,
)
from autograder.suite.priors import judge
from autograder.suite.test_vae import (
    COLOURED,
    SHAPE,
    check_generator,
    check_models_kept,
    check_no_gradient,
    check_seeding,
    check_tidy,
    fresh_chance,
    infinite,
    placed,
)

SAMPLES = ((5, 3, 4), (2, 7, 3), (1, 4, 2), (3, 1, 2), (6, 2, 1))  # (K, B, D), all different, and each of them one
EQUAL = ((3, 3, 3), (4, 4, 2), (2, 3, 3), (3, 2, 3))
WEIGHTS = ((5, 3), (2, 6), (1, 4), (4, 4), (7, 1))  # (K, B)
COUNTS = ((12, 5), (12, 4), (10, 7), (7, 20), (5, 1), (1, 1))  # num_samples, chunk_size


# --- log_weights ------------------------------------------------------------------------------------------------------


@worth("log_weights", 3)
def test_log_weights_are_made_of_three_terms(student, draw):
    """log w = log p(x|z) + log p(z) - log q(z|x) at the z that eps leads to, one value for every sample of every
    image."""
    for samples, batch, latent_dim in SAMPLES:
        toy = AffineModel.drawn(draw, latent_dim)
        check_weights(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0), (SHAPE, 60.0)):  # where probabilities round to zero
        toy = AffineModel.drawn(draw, 2, shape)
        check_weights(student, toy, draw.binary(3, *shape), draw.normal(2, 3, 2, scale=scale))


@worth("log_weights")
def test_log_weights_keep_their_axes_apart(student, draw):
    """The axes keep their meaning where K, B and D are equal: samples first, then images."""
    for samples, batch, latent_dim in EQUAL:
        toy = AffineModel.drawn(draw, latent_dim, prior=samples == batch)
        check_weights(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim))


@worth("log_weights", 2)
def test_log_weights_use_the_prior_of_the_model(student, draw):
    """With a prior of its own the model's log p(z) is that prior's, looked up when called."""
    for samples, batch, latent_dim in SAMPLES[:3]:
        toy, other = (AffineModel.drawn(draw, latent_dim, prior=True) for _ in range(2))
        x, eps = draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)
        model = placed(student, toy)
        check_weights(student, toy, x, eps, model)
        model.assign(prior=student.gaussian_prior(*other.prior))
        check_weights(student, toy.changed(prior=other.prior), x, eps, model)


@worth("log_weights")
def test_log_weights_average_to_the_likelihood(student, draw):
    """The mean of the weights over q(z|x) is p(x): by quadrature in one latent dimension, for every image there is."""
    x = oracles.all_images(2, 2)
    for prior in (False, True):
        toy = AffineModel.drawn(draw, 1, (1, 2, 2), prior=prior)
        mu, log_var = toy.encode(x)
        z = torch.linspace(-14, 14, 1401, dtype=torch.float64)[:, None, None]  # (points, 1, 1)
        eps = (z - mu) * torch.exp(-log_var / 2)
        asked = call("log_weights", model=..., x=x, eps=eps)
        log_w = expect.tensor(student.log_weights(placed(student, toy), x, eps), eps.shape[:2], x.dtype, asked=asked)
        mean = torch.logsumexp(log_w + oracles.gaussian_log_prob(z, mu, log_var), 0) + math.log(0.02)
        if not bool(((mean - toy.log_likelihood(x)).abs() < 1e-5).all()):
            hint = mistakes.recognise("log_weights", log_w, toy, x, eps)
            expected = "weights whose mean under q(z|x) is p(x)"
            raise Wrong(asked, expected, "weights with another mean", "", hint, "Compare each of the three terms.")


@worth("log_weights", 2)
def test_log_weights_pass_gradients(student, draw):
    """The gradient reaches the parameters of encoder and decoder, through z and through log q(z|x)."""
    toy, names = (
        AffineModel.drawn(draw, 2),
        ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var", "weight", "bias"),
    )
    leaves = {name: getattr(toy, name).clone().requires_grad_(True) for name in names}
    parts = {"encoder": {name: leaves[name] for name in names[:4]}, "decoder": {n: leaves[n] for n in names[4:]}}
    check_weight_gradients(student, toy, toy.changed(**leaves), parts, draw)


@worth("log_weights")
def test_log_weights_pass_gradients_to_the_prior(student, draw):
    """The gradient reaches the parameters of a prior that is trained."""
    toy = AffineModel.drawn(draw, 2, prior=True)
    leaves = {name: p.clone().requires_grad_(True) for name, p in zip(("mean", "log_var"), toy.prior, strict=True)}
    check_weight_gradients(student, toy, toy.changed(prior=tuple(leaves.values())), {"prior": leaves}, draw)


@worth("log_weights")
def test_log_weights_keep_float32(student, draw):
    """A model and inputs in float32 give log weights in float32."""
    toy = AffineModel.drawn(draw, 3, prior=True, dtype=torch.float32)
    x, eps = draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(4, 5, 3, dtype=torch.float32)
    model = placed(student, toy)
    double = toy.changed(
        **{n: v.double() for n, v in vars(toy).items() if isinstance(v, torch.Tensor)},
        prior=tuple(p.double() for p in toy.prior),
    )
    own = expect.attempt(lambda: student.log_weights(placed(student, double), x.double(), eps.double()))
    also = [own.detach().float()] if expect.varies(own) and own.shape == (4, 5) else []
    check_weights(student, toy, x, eps, model, also=also)


@worth("log_weights")
def test_log_weights_leave_their_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither its inputs nor the model nor any submodule's
    mode."""
    toy, x, eps = AffineModel.drawn(draw, 2, prior=True), draw.binary(5, *SHAPE), draw.normal(3, 5, 2)
    check_weights(student, toy, x, eps)
    model = placed(student, toy)
    for part in ("encoder", "decoder"):
        model.attribute(part).train()
    asked, before, chance = call("log_weights", model=..., x=x, eps=eps), model.state(), fresh_chance(student)
    seen = student.inspect("log_weights", model, x, eps)
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x, "eps": eps}, asked=asked)
    expect.random_state_kept(chance, student.global_rng(), asked=asked, todo="All its randomness comes in through eps.")
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda model: student.inspect("log_weights", model, x, eps), asked)


# --- iwae_bound -------------------------------------------------------------------------------------------------------


@worth("iwae_bound", 3)
def test_iwae_bound_is_the_log_of_the_mean_weight(student, draw):
    """L_K = log 1/K Σ_k w_k, one bound for every image (Burda et al. 2016, eq. 8)."""
    for samples, batch in WEIGHTS:
        log_w = draw.normal(samples, batch, scale=2.0, shift=-3.0)
        check_of_weights(student, "iwae_bound", log_w, lambda log_w: torch.log(torch.exp(log_w).mean(0)))


@worth("iwae_bound", 2)
def test_iwae_bound_gets_tighter_with_every_sample(student, draw):
    """Its expectation grows from K = 1 to K = 6 and stays below log p(x): exactly, over all draws of a model with three
    codes."""
    model, ladder = Enumerated.drawn(draw), []
    for samples in range(1, 7):
        log_w, probabilities = model.samples(samples)
        got = answer_for(student, "iwae_bound", log_w)
        ladder.append(float(probabilities @ got))
        if abs(ladder[-1] - float(probabilities @ oracles.importance_bound(log_w))) > 1e-5:
            asked, hint = call("iwae_bound", log_w=log_w), mistakes.recognise("iwae_bound", got, log_w)
            expected = f"the bound's expectation with K = {samples}, averaged over all draws"
            raise Wrong(asked, expected, "another value", "", hint)
    if not all(low < high for low, high in zip(ladder, [*ladder[1:], model.log_likelihood()], strict=True)):
        raise Wrong("iwae_bound(log_w) for K = 1 to 6", "a bound that grows with K", "one that does not")


@worth("iwae_bound", 2)
def test_iwae_bound_depends_on_what_weights_mean(student, draw):
    """Copying or reordering the samples changes nothing, a factor on an image's weights shifts its bound, and images
    keep to themselves."""
    log_w, shift = draw.normal(4, 5, scale=2.0), draw.uniform(5, low=1.0, high=3.0)
    asked = call("iwae_bound", log_w=log_w)
    first = answer_for(student, "iwae_bound", log_w)
    expect.varied(first, asked=asked)
    hint = mistakes.recognise("iwae_bound", first, log_w)
    cases = (
        ("every sample is there twice", torch.cat([log_w, log_w]), first),
        ("the samples are reordered", log_w[[2, 0, 3, 1]], first),
        ("one number for each image is added to its log weights", log_w + shift, first + shift),
        ("the images are reordered", log_w[:, [3, 1, 4, 0, 2]], first[[3, 1, 4, 0, 2]]),
        ("only two images are asked about", log_w[:, 1:3], first[1:3]),
    )
    for what, changed, want in cases:
        if not expect.equal(answer_for(student, "iwae_bound", changed), want):
            raise Wrong(asked, f"what follows from the first answer when {what}", "other values", "", hint)


@worth("iwae_bound")
def test_iwae_bound_lies_where_a_mean_lies(student, draw):
    """It lies between the mean and the largest of the log weights, and never below the average of the bounds of
    disjoint groups of samples."""
    log_w = draw.normal(12, 6, scale=3.0)
    asked, got = call("iwae_bound", log_w=log_w), answer_for(student, "iwae_bound", log_w)
    hint = mistakes.recognise("iwae_bound", got, log_w)
    todo = "It is the logarithm of a mean of the weights."
    if not bool(((got >= log_w.mean(0) - 1e-9) & (got <= log_w.max(0).values + 1e-9)).all()):
        raise Wrong(asked, "bounds between the mean and the largest log weight", "some outside", todo, hint)
    for size in (1, 2, 3, 4, 6):
        groups = torch.stack([answer_for(student, "iwae_bound", part) for part in log_w.split(size)])
        if not bool((groups.mean(0) <= got + 1e-9).all()):
            expected = f"bounds with 12 samples not below the average of those with {size}"
            raise Wrong(asked, expected, "some that are lower", todo, hint)
    if bool((got - log_w.mean(0)).abs().max() < 1e-6):
        raise Wrong(asked, "a bound above the mean log weight", "the mean itself", todo, SAID["bound_not_tighter"])


@worth("iwae_bound", 2)
def test_iwae_bound_is_exact_for_extreme_weights(student, draw):
    """It is finite and exact for log weights of ±10,000, and where one weight rules all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for level in (-1e4, -500.0, 1e4):
            log_w = draw.normal(5, 3, shift=level, dtype=dtype)
            check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound, extreme=True)
        log_w = draw.normal(4, 3, scale=3e3, shift=-5e3, dtype=dtype)
        check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound, extreme=True)


@worth("iwae_bound", 2)
def test_iwae_bound_passes_gradients(student, draw):
    """Its gradient for a log weight is that weight's share of the image's sum, finite also for extreme weights."""
    for extreme, log_w in enumerate((draw.normal(4, 3, scale=2.0), draw.normal(5, 2, scale=50.0, shift=-1e4))):
        asked, cotangent = call("iwae_bound", log_w=log_w), draw.normal(log_w.shape[1])
        check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound, extreme=bool(extreme))
        found = student.gradient("iwae_bound", log_w, cotangent=cotangent).inputs[0]
        expect.derivative(
            found, oracles.importance_shares(log_w) * cotangent, asked=asked, of="log_w", right=not extreme
        )


@worth("iwae_bound")
def test_iwae_bound_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and answers float32 in float32."""
    log_w = draw.normal(5, 3)

    def right():
        check_of_weights(student, "iwae_bound", log_w, oracles.importance_bound)

    check_tidy(student, "iwae_bound", (3,), right, log_w=log_w)
    answer_for(student, "iwae_bound", draw.normal(5, 3, dtype=torch.float32))


# --- normalized_weights -----------------------------------------------------------------------------------------------


@worth("normalized_weights", 3)
def test_normalized_weights_are_shares_of_a_sum(student, draw):
    """Each is w_k / Σ_j w_j over the samples of its image, (K, B)."""
    for samples, batch in WEIGHTS:
        log_w = draw.normal(samples, batch, scale=2.0, shift=-1.0)
        check_of_weights(student, "normalized_weights", log_w, lambda log_w: torch.exp(log_w) / torch.exp(log_w).sum(0))


@worth("normalized_weights")
def test_normalized_weights_sum_to_one_over_samples(student, draw):
    """An image's shares sum to one, and a factor on all its weights changes nothing."""
    log_w, shift = draw.normal(4, 6, scale=2.0), draw.uniform(6, low=2.0, high=5.0)
    asked, shares = call("normalized_weights", log_w=log_w), answer_for(student, "normalized_weights", log_w)
    expect.varied(shares, asked=asked)
    hint = mistakes.recognise("normalized_weights", shares, log_w)
    if not bool(((shares.sum(0) - 1).abs() < 1e-5).all()):
        raise Wrong(asked, "shares that sum to one over the samples of each image", "other sums", "", hint)
    if not expect.equal(answer_for(student, "normalized_weights", log_w + shift), shares):
        raise Wrong(asked, "the same shares where an image's log weights grow by one number", "others", "", hint)


@worth("normalized_weights")
def test_normalized_weights_are_exact_for_extreme_weights(student, draw):
    """They are finite and exact for log weights of ±10,000, and where one weight rules all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for scale, level in ((1.0, -1e4), (1.0, 1e4), (3e3, -5e3)):
            log_w = draw.normal(5, 3, scale=scale, shift=level, dtype=dtype)
            check_of_weights(student, "normalized_weights", log_w, oracles.importance_shares, extreme=True)


@worth("normalized_weights")
def test_normalized_weights_pass_gradients(student, draw):
    """They are differentiable in log_w, for use beyond a loss."""
    log_w, cotangent = draw.normal(4, 3), draw.normal(4, 3)
    asked = call("normalized_weights", log_w=log_w)
    check_of_weights(student, "normalized_weights", log_w, oracles.importance_shares)
    shares = oracles.importance_shares(log_w)
    want = shares * (cotangent - (shares * cotangent).sum(0))
    got = student.gradient("normalized_weights", log_w, cotangent=cotangent).inputs[0]
    expect.derivative(got, want, asked=asked, of="log_w", right=True)


@worth("normalized_weights")
def test_normalized_weights_leave_their_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and answers float32 in float32."""
    log_w = draw.normal(5, 3)

    def right():
        check_of_weights(student, "normalized_weights", log_w, oracles.importance_shares)

    check_tidy(student, "normalized_weights", (5, 3), right, log_w=log_w)
    answer_for(student, "normalized_weights", draw.normal(5, 3, dtype=torch.float32))


# --- iwae_loss --------------------------------------------------------------------------------------------------------


@worth("iwae_loss", 3)
def test_iwae_loss_fast_is_the_negative_bound(student, draw):
    """With form="fast" its value is the negative bound, averaged over the images."""
    for samples, batch in WEIGHTS:
        log_w = draw.normal(samples, batch, scale=2.0, shift=-3.0)
        check_fast_loss(student, log_w)


@worth("iwae_loss", 3)
def test_iwae_loss_normalized_has_the_gradient_of_the_bound(student, draw):
    """With form="normalized" the gradient for log_w is that of the negative bound, averaged over the images."""
    for samples, batch in WEIGHTS:
        check_loss_gradient(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "normalized")


@worth("iwae_loss", 3)
def test_iwae_loss_original_has_the_gradient_of_the_bound(student, draw):
    """With form="original" the gradient for log_w is that of the negative bound, averaged over the images (Burda et al.
    2016, eq. 13)."""
    for samples, batch in WEIGHTS:
        check_loss_gradient(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "original")


@worth("iwae_loss")
def test_iwae_loss_fast_has_the_gradient_of_the_bound(student, draw):
    """With form="fast" the gradient for log_w reaches every sample with its share."""
    for samples, batch in WEIGHTS:
        check_loss_gradient(student, draw.normal(samples, batch, scale=2.0, shift=-3.0), "fast")


@worth("iwae_loss", 2)
def test_iwae_loss_has_right_gradients_for_extreme_weights(student, draw):
    """All three forms have finite and exact gradients for log weights of ±10,000, in float64 and float32."""
    for dtype in (torch.float64, torch.float32):
        for scale, level in ((2.0, -1e4), (2.0, 1e4), (3e3, -5e3)):
            log_w = draw.normal(5, 3, scale=scale, shift=level, dtype=dtype)
            for form in FORMS:
                check_loss_gradient(student, log_w, form, extreme=True)


@worth("iwae_loss")
def test_iwae_loss_refuses_unknown_forms(student, draw):
    """Any other form raises a ValueError."""
    log_w = draw.normal(4, 3)
    check_fast_loss(student, log_w)
    for form in ("slow", "", "Fast", "normalised"):
        asked = call("iwae_loss", log_w=log_w, form=form)
        todo = "A misspelt option must not go unnoticed: raise ValueError(...)."
        expect.refused(lambda form=form: student.iwae_loss(log_w, form), "ValueError", asked=asked, todo=todo)


@worth("iwae_loss")
def test_iwae_loss_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes nothing, draws no random numbers, and returns one number, in float32 for float32."""
    blamed = untidy(student, "iwae_bound", draw.normal(4, 3))
    check_fast_loss(student, draw.normal(4, 3))
    for form in FORMS:
        check_loss_gradient(student, draw.normal(4, 3), form)
        for dtype in (torch.float64, torch.float32):
            log_w = draw.normal(4, 3, dtype=dtype)
            asked, chance = call("iwae_loss", log_w=log_w, form=form), fresh_chance(student)
            seen = student.inspect("iwae_loss", log_w, form)
            expect.tensor(seen.value, (), dtype, asked=asked, todo="One number for the whole batch.")
            if not blamed:
                expect.silent(seen, asked=asked)
                expect.surroundings_kept(seen, asked=asked)
                expect.inputs_kept(seen, {"log_w": log_w, "form": form}, asked=asked)
            todo = "Everything it needs is in its arguments."
            expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=todo)


# --- log_likelihood ---------------------------------------------------------------------------------------------------


@worth("log_likelihood", 3)
def test_log_likelihood_is_the_bound_over_all_chunks(student, draw):
    """It is the logarithm of the mean of all num_samples weights, whatever the chunk_size: a divisor, no divisor, one,
    or more than there are samples."""
    for num_samples, chunk_size in COUNTS:
        log_p = draw.uniform(num_samples + chunk_size, low=-5.0, high=-0.5)
        check_likelihood(student, log_p, num_samples, chunk_size, draw)


@worth("log_likelihood")
def test_log_likelihood_keeps_images_apart(student, draw):
    """Each image has its own value: where q(z|x) is the prior and z explains nothing, that is log p(x), whatever the
    noise."""
    for batch, latent_dim, prior in ((5, 3, True), (4, 3, False), (1, 2, True)):
        toy = without_code(AffineModel.drawn(draw, latent_dim, prior=prior))
        none = torch.zeros(latent_dim, dtype=torch.float64)
        toy, x = with_posterior(toy, *(toy.prior or (none, none))), draw.binary(batch, *SHAPE)
        for num_samples, chunk_size in ((3, 3), (7, 3), (4, 1)):
            model, asked = placed(student, toy), likelihood_call(x, num_samples, chunk_size)
            got = student.log_likelihood(model, x, num_samples, chunk_size, generator=Seed(draw.seed()))
            eps = torch.zeros(num_samples, batch, latent_dim, dtype=torch.float64)
            log_w = oracles.log_weights(toy, x, eps)
            expect.close(
                got,
                log_w[0],
                asked=asked,
                also=accepted(
                    got,
                    lambda toy=toy, x=x, n=num_samples, model=model: own_bounds(
                        student, lambda: model, x, toy.latent_dim, n, draw, toy
                    ),
                ),
                hint=lambda found, w=log_w, n=num_samples, c=chunk_size: mistakes.recognise(
                    "log_likelihood", found, torch.cat([w, w]), n, c
                ),
                todo="All weights of an image are equal here, so their mean is one of them.",
                shape_todo="One value for every image.",
            )


@worth("log_likelihood", 2)
def test_log_likelihood_comes_close_to_log_p(student, draw):
    """With many samples it comes close to log p(x), known by quadrature, chunk by chunk or at once (Chernoff bound at
    1e-9)."""
    width, off = 1.5, 0.5  # q(z|x) is wider than the prior, so that no weight exceeds `largest`
    largest = width * math.exp(off**2 / (2 * (width**2 - 1)))
    toy = AffineModel.drawn(draw, 1, (1, 1, 2)).changed(weight=torch.tensor([[3.0], [-4.0]], dtype=torch.float64))
    mean, log_var = torch.tensor([[off], [2 * math.log(width)]], dtype=torch.float64)
    x = oracles.all_images(1, 2)
    for num_samples, chunk_size in ((4000, 4000), (4000, 700), (2000, 2)):
        check_estimate(student, with_posterior(toy, mean, log_var), x, largest, num_samples, chunk_size, draw)


@worth("log_likelihood")
def test_log_likelihood_is_exact_for_extreme_weights(student, draw):
    """It is finite and exact where the weights underflow, and where a late chunk outweighs all others, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        log_p = draw.normal(20, scale=20.0, shift=-9e3, dtype=dtype)
        late = torch.cat([log_p[:8], log_p[8:] + 500.0])
        for values in (log_p, late, late.flip(0)):
            check_likelihood(student, values, 12, 5, draw)


@worth("log_likelihood", 2)
def test_log_likelihood_decodes_in_chunks(student, draw):
    """No call of the decoder gets more than chunk_size codes an image, and all of num_samples are decoded."""
    toy, x = AffineModel.drawn(draw, 3), draw.binary(4, *SHAPE)
    for num_samples, chunk_size in ((20, 5), (11, 4), (3, 10)):
        model, asked = placed(student, toy), likelihood_call(x, num_samples, chunk_size)
        options = {"generator": Seed(draw.seed()), "parts_of": model}
        seen = student.watch("log_likelihood", model, x, num_samples, chunk_size, **options)
        expect.varied(expect.tensor(seen.value, (4,), x.dtype, asked=asked), asked=asked)
        _, largest, total = (n // toy.latent_dim for n in seen.parts.get("decoder", (0, 0, 0)))
        if largest > chunk_size * len(x):
            got = f"one of {largest} codes for {len(x)} images"
            raise Wrong(
                asked, "calls of the decoder with at most chunk_size codes an image", got, "", SAID["memory_grows"]
            )
        if total < num_samples * len(x):
            got = f"{total} codes for {len(x)} images"
            raise Wrong(asked, "num_samples codes decoded for every image", got, "", SAID["samples_left_out"])


@worth("log_likelihood", 2)
def test_log_likelihood_takes_no_more_memory_for_more_samples(student, draw):
    """The bytes of tensors alive at once are the same for 500 and for 5000 samples, up to a fifth."""
    toy, x = AffineModel.drawn(draw, 50, (1, 28, 28)), image(draw)
    model, asked, peaks = placed(student, toy), likelihood_call(x, 5000, 100), []
    # images of few pixels: there wrong weights that are exponentiated are not all the same yet
    few, two = placed(student, AffineModel.drawn(draw, 2)), draw.binary(1, *SHAPE)
    two = torch.cat([two, 1 - two])
    answer = student.log_likelihood(few, two, 5, 5, generator=Seed(draw.seed()))
    if not infinite(answer):
        expect.varied(
            expect.tensor(answer, (2,), x.dtype, asked=likelihood_call(two, 5, 5)), asked=likelihood_call(two, 5, 5)
        )
    for num_samples in (500, 5000):
        options = {"generator": Seed(draw.seed()), "parts_of": model}
        seen = student.watch("log_likelihood", model, x, num_samples, 100, **options)
        if not infinite(seen.value):
            expect.tensor(seen.value, (1,), x.dtype, asked=asked, todo="One value for every image.")
        peaks.append(seen.peak_bytes)
    if not 0 < peaks[1] <= 1.2 * peaks[0]:
        got = f"{peaks[1] / max(1, peaks[0]):.1f} times as much"
        raise Wrong(asked, "as much memory as with 500 samples", got, "", SAID["memory_grows"])


@worth("log_likelihood", 2)
def test_log_likelihood_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another estimate, torch's global generator is left alone,
    and without one the noise is new in every call."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    model, asked = placed(student, toy), likelihood_call(x, 7, 3)
    earlier = Earlier.of(student, draw)
    if earlier.deaf or earlier.draws:
        answer = student.log_likelihood(model, x, 7, 3, generator=Seed(draw.seed()))
        expect.varied(expect.tensor(answer, (5,), None, asked=asked), asked=asked)
        return
    check_generator(student, lambda g: student.log_likelihood(model, x, 7, 3, generator=g), draw.seed(), (5,), asked)
    first, again = (student.log_likelihood(model, x, 7, 3) for _ in range(2))
    if expect.identical(first, again):
        raise Wrong(asked + " left out", "new noise in every call", "the same values twice", "", SAID["eps_fixed"])


@worth("log_likelihood")
def test_log_likelihood_draws_noise_for_every_sample(student, draw):
    """Noise differs between chunks and between images, also those that are alike."""
    toy, x = AffineModel.drawn(draw, 6), draw.binary(1, *SHAPE).expand(6, *SHAPE).clone()
    model, seed, earlier = placed(student, toy), draw.seed(), Earlier.of(student, draw)
    check_likelihood(student, draw.uniform(12, low=-5.0, high=-0.5), 7, 3, draw)
    answers = []
    for num_samples in (1, 6):
        asked = likelihood_call(x, num_samples, 1) + ", all images alike"
        got = student.log_likelihood(model, x, num_samples, 1, generator=Seed(seed))
        answers.append(expect.tensor(got, (6,), x.dtype, asked=asked, todo="One value for every image."))
    if not earlier.deaf and not earlier.shares_noise and not expect.varies(answers[0]):
        raise Wrong(asked, "values that differ with the noise of each image", "equal ones", "", SAID["noise_repeated"])
    if not earlier.deaf and expect.equal(*answers):
        raise Wrong(asked, "other values than with one sample", "the same", "", SAID["noise_repeated"])


@worth("log_likelihood", 2)
def test_log_likelihood_leaves_its_surroundings_alone(student, draw):
    """It carries no gradient, prints nothing, answers in the dtype of x, and changes neither x nor the model nor any
    submodule's mode."""
    earlier = Earlier.of(student, draw)
    check_likelihood(student, draw.uniform(10, low=-5.0, high=-0.5), 7, 3, draw)
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, prior=True, dtype=dtype), draw.binary(5, *SHAPE, dtype=dtype)
        model = placed(student, toy)
        model.attribute("decoder").train()
        asked, before = call("log_likelihood", model=..., x=x, num_samples=7, chunk_size=3), model.state()
        seen = student.inspect("log_likelihood", model, x, 7, 3)
        expect.tensor(seen.value, (5,), dtype, asked=asked, todo="One value for every image.")
        expect.varied(seen.value, asked=asked)
        check_manners(earlier, seen, before, model.state(), asked, x=x)
    toy, x = AffineModel.drawn(draw, 2, prior=True), draw.binary(5, *SHAPE)

    def inspect(model):
        return student.inspect("log_likelihood", model, x, 7, 3, generator=Seed(7))

    check_no_gradient(student, "log_likelihood", placed(student, toy), x, 7, 3, asked=asked)
    if not earlier.changes:
        check_models_kept(student, toy, inspect, asked)
        check_seeding(student, lambda: student.log_likelihood(placed(student, toy), x, 7, 3), draw, asked)


# --- active_units -----------------------------------------------------------------------------------------------------


@worth("active_units", 2)
def test_active_units_by_divergence(student, draw):
    """With rule="kl" the statistic is the mean over the images of each dimension's divergence from N(0, 1)."""
    for batch, latent_dim in ((7, 3), (4, 4), (5, 1), (2, 6)):
        check_scores(student, AffineModel.drawn(draw, latent_dim), draw.binary(batch, *SHAPE), "kl")


@worth("active_units", 2)
def test_active_units_by_variance(student, draw):
    """With rule="variance" the statistic is the variance over the images of each dimension's posterior mean (Burda et
    al. 2016, section 5.2), divided by N or N - 1."""
    for batch, latent_dim in ((7, 3), (4, 4), (5, 1), (3, 6)):
        check_scores(student, AffineModel.drawn(draw, latent_dim), distinct(draw, batch), "variance")


@worth("active_units", 2)
def test_active_units_tell_the_rules_apart(student, draw):
    """A dimension that only narrows q(z|x) or only shifts it is active by divergence, not by variance; one that is the
    prior is active by neither."""
    toy, x = AffineModel.drawn(draw, 5), distinct(draw, 9)
    none, size = torch.zeros(5, x[0].numel(), dtype=torch.float64), draw.uniform(low=0.6, high=0.9)
    varying = none.clone()
    varying[4] = draw.normal(x[0].numel(), shift=1.0)
    bias, log_var = torch.zeros(2, 5, dtype=torch.float64)
    bias[2], log_var[1], log_var[3] = size, torch.log(size), 0.02  # the prior, narrow, shifted, nearly the prior, used
    toy = toy.changed(weight_mu=varying, bias_mu=bias, weight_log_var=none, bias_log_var=log_var)
    check_scores(student, toy, x, "kl")
    check_scores(student, toy, x, "variance")


@worth("active_units")
def test_active_units_compare_with_the_threshold(student, draw):
    """A dimension is active where its statistic exceeds the threshold, 0.01 unless another is given."""
    toy, x = AffineModel.drawn(draw, 6), distinct(draw, 8)
    names = ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var")
    for scale in (1.0, 0.07):  # statistics around one, and around 0.01
        model = toy.changed(**{name: scale * getattr(toy, name) for name in names})
        for rule in ("kl", "variance"):
            count, statistic, asked = scores(student, model, x, rule)
            expect.varied(statistic, asked=asked)
            check_count(count, statistic, 0.01, asked)
            ordered = statistic.sort().values
            for low, high in ((0, 1), (2, 3), (4, 5)):
                threshold = float(ordered[low] + ordered[high]) / 2
                count, statistic, asked = scores(student, model, x, rule, threshold)
                check_count(count, statistic, threshold, asked)
    none = torch.zeros(6, x[0].numel(), dtype=torch.float64)
    bias = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 2.0], dtype=torch.float64)  # divergences of exactly 0, 1/2 and 2
    exact = toy.changed(weight_mu=none, bias_mu=bias, weight_log_var=none, bias_log_var=torch.zeros_like(bias))
    for rule, threshold in (("kl", 0.0), ("kl", 0.5), ("variance", 0.0)):
        count, statistic, asked = scores(student, exact, x, rule, threshold)
        check_count(count, statistic, threshold, asked)


@worth("active_units", 2)
def test_active_units_take_all_images_together(student, draw):
    """The statistics are those of all 1210 images at once, though they come sorted."""
    x = draw.binary(1210, *SHAPE)
    x[:, 0, 0, 0] = (torch.arange(1210) >= 600).double()
    toy = AffineModel.drawn(draw, 3)
    for rule in ("kl", "variance"):
        check_scores(student, toy, x, rule)


@worth("active_units")
def test_active_units_refuse_unknown_rules(student, draw):
    """Any other rule raises a ValueError."""
    toy, x = AffineModel.drawn(draw, 3), distinct(draw, 5)
    for rule in ("kl", "variance"):
        check_scores(student, toy, x, rule)
    model = placed(student, toy)
    for rule in ("entropy", "", "KL"):
        asked = call("active_units", model=..., x=x, rule=rule)
        todo = "A misspelt option must not go unnoticed: raise ValueError(...)."
        expect.refused(lambda rule=rule: student.active_units(model, x, rule), "ValueError", asked=asked, todo=todo)


@worth("active_units")
def test_active_units_leave_their_surroundings_alone(student, draw):
    """It returns an int and float32 for float32, prints nothing, draws no random numbers, and changes neither x nor the
    model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 3, dtype=torch.float32), distinct(draw, 6).float()
    sampled = "The posterior's mean and variance are known: nothing has to be sampled."
    for rule in ("kl", "variance"):
        chance = fresh_chance(student)
        try:
            check_scores(student, AffineModel.drawn(draw, 3), distinct(draw, 6), rule)
        except Wrong as wrong:
            if not wrong.hint and not torch.equal(chance, student.global_rng()):
                wrong.hint = sampled
            raise
        count, statistic, asked = scores(student, toy, x, rule)
        if type(count) is not int:
            todo = "A tensor of one number has a method that gives the number."
            raise Wrong(asked + ", its first result", "an int", expect.described(count), todo)
        model = placed(student, toy)
        model.attribute("encoder").train()
        asked, before, chance = call("active_units", model=..., x=x, rule=rule), model.state(), fresh_chance(student)
        seen = student.inspect("active_units", model, x, rule)
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"model": ..., "x": x, "rule": rule}, asked=asked)
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=sampled)
        expect.state_kept(before, model.state(), asked=asked)
        check_models_kept(student, toy, lambda m, rule=rule: student.inspect("active_units", m, x, rule), asked)


# --- gradient_snr -----------------------------------------------------------------------------------------------------


@worth("gradient_snr", 3)
def test_gradient_snr_measures_the_variance(student, draw):
    """Where the gradients are normal numbers of known variances, their mean variance over the runs comes close to the
    true one (Laurent-Massart bound at 1e-9): it falls with num_samples and with the images."""
    check_variance(student, draw)


@worth("gradient_snr", 2)
def test_gradient_snr_is_a_ratio_for_each_entry(student, draw):
    """The second number is the mean over the entries of abs(mean) / standard deviation: shifting an entry's mean, with
    noise repeated by the seed, shows its deviation, which has to fit the first number."""
    runs, seed, step, dims = 20, draw.seed(), 2.0, 3
    spread, sides = torch.tensor([[-0.8, 0.0, 0.8], [1.0, -1.0, 1.0]], dtype=torch.float64)
    toy = with_posterior(single_pixel(draw, dims), sides * draw.uniform(dims, low=3.0, high=4.0), spread)
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)

    def ask(toy):
        return snr(student, placed(student, toy), x, 1, runs, seed)

    with unless_noiseless(student, toy, x, 1, draw):
        variance, ratio, asked = ask(toy)
        shifted = [ask(toy.changed(bias_mu=toy.bias_mu + step * away))[:2] for away in torch.diag(sides)]
        gains = torch.tensor([moved_ratio - ratio for _, moved_ratio in shifted], dtype=torch.float64)
        same = all(math.isclose(moved_variance, variance, rel_tol=1e-4) for moved_variance, _ in shifted)
        same = same and bool((gains > 0).all())
        squares = (step / (dims * gains)) ** 2
        factors = (1.0, runs / (runs - 1), (runs - 1) / runs)  # N or N - 1, for the variance and for the deviation
        if same and any(math.isclose(float(squares.mean()) * f, variance, rel_tol=1e-3) for f in factors):
            return
        if agrees_with_own(student, toy, x, 1, runs, draw, (variance, ratio)):
            return
        guesses = (
            ("averaged_first", float(squares.std()) < 1e-3 * float(squares.mean())),
            ("ratio_of_variance", math.isclose(float(squares.sqrt().mean()), variance, rel_tol=0.06)),
        )
        hint = next((SAID[key] for key, fits in guesses if same and fits), "")
        raise Wrong(asked, "the mean over the entries of abs(mean) / standard deviation", "another number", "", hint)


@worth("gradient_snr", 2)
def test_gradient_snr_leaves_out_entries_without_noise(student, draw):
    """Weights of a pixel that is 0 in all images change neither number: entries whose variance is zero do not count."""
    toy, seed = single_pixel(draw, 3), draw.seed()
    x = torch.ones(2, 1, 1, 1, dtype=torch.float64)
    wide = toy.changed(
        weight_mu=torch.cat([toy.weight_mu, draw.normal(3, 2)], 1),
        weight_log_var=torch.cat([toy.weight_log_var, draw.normal(3, 2)], 1),
        weight=torch.zeros(3, 3, dtype=torch.float64),
        bias=torch.cat([toy.bias, torch.full((2,), -40.0, dtype=torch.float64)]),  # sure to be 0
        shape=(1, 1, 3),
    )
    dark = torch.cat([x, torch.zeros(2, 1, 1, 2, dtype=torch.float64)], -1)
    with unless_noiseless(student, toy, x, 3, draw):
        *want, _ = snr(student, placed(student, toy), x, 3, 20, seed)
        *got, asked = snr(student, placed(student, wide), dark, 3, 20, seed, SAID["dead_counted"])
        if not all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(got, want, strict=True)):
            *again, _ = snr(student, placed(student, toy), x, 3, 20, seed)
            hint = SAID["dead_counted"] if again == want else Earlier.of(student, draw).generator_ignored
            asked += ", two of three pixels 0 in all images"
            raise Wrong(asked, "the numbers of the pixel that is 1", "others", "", hint)


@worth("gradient_snr", 2)
def test_gradient_snr_is_that_of_the_bound(student, draw):
    """The signal is the gradient of the importance weighted bound, which falls with num_samples, not that of the ELBO
    (normal approximation at 1e-9)."""
    runs, shift, samples = 400, float(draw.uniform(low=0.9, high=1.1)), 8
    one = torch.ones(1, dtype=torch.float64)
    toy, x = with_posterior(single_pixel(draw, 1), shift * one, 0 * one), torch.ones(1, 1, 1, 1, dtype=torch.float64)
    with unless_noiseless(student, toy, x, samples, draw):
        variance, ratio, asked = snr(student, placed(student, toy), x, samples, runs, draw.seed())
        signal = abs(ratio) * math.sqrt(variance)
        if statistics.same_mean(signal, runs, oracles.shifted_gradients(shift, samples, 20_000, draw)):
            return
        own = own_gradients(student, toy, x, samples, 200, draw)
        if own is not None and statistics.same_mean(signal, runs, own.flatten() * torch.sign(own.mean())):
            return
        hint = SAID["gradient_of_elbo"] if math.isclose(signal, shift, rel_tol=0.15) else ""
        raise Wrong(asked, "the mean gradient of the bound with 8 samples", "another signal", "", hint)


@worth("gradient_snr")
def test_gradient_snr_looks_at_the_first_matrix(student, draw):
    """It is that of the encoder's first parameter of two or more axes: a vector that comes before it is passed over."""
    toy, x, seed = single_pixel(draw, 3), torch.ones(2, 1, 1, 1, dtype=torch.float64), draw.seed()
    affine = (toy.weight_mu, toy.bias_mu, toy.weight_log_var, toy.bias_log_var)
    encoder = student.shifted_encoder(torch.zeros(1, dtype=torch.float64), *affine)
    model = student.model(encoder, student.affine_decoder(toy.weight, toy.bias, toy.shape), latent_dim=3)
    with unless_noiseless(student, toy, x, 3, draw):
        *want, _ = snr(student, placed(student, toy), x, 3, 20, seed)
        *got, asked = snr(student, model, x, 3, 20, seed)
        if not all(math.isclose(a, b, rel_tol=1e-5) for a, b in zip(got, want, strict=True)):
            asked += ", an encoder whose first parameter is a vector"
            *again, _ = snr(student, placed(student, toy), x, 3, 20, seed)
            todo = "Go through model.encoder.parameters() until one has two axes."
            todo = todo if again == want else Earlier.of(student, draw).generator_ignored
            raise Wrong(asked, "the numbers of its first matrix", "others", todo)


@worth("gradient_snr")
def test_gradient_snr_follows_its_generator(student, draw):
    """A generator makes both numbers reproducible, another seed gives others, and torch's global generator is left
    alone."""
    toy, x = AffineModel.drawn(draw, 2), distinct(draw, 3)
    model = placed(student, toy)

    def pair(generator):
        return torch.tensor(snr(student, model, x, 2, 5, generator.value)[:2])

    asked = call("gradient_snr", model=..., x=x, num_samples=2, runs=5, generator=...)
    with unless_noiseless(student, toy, x, 2, draw):
        ignored = Earlier.of(student, draw).generator_ignored
        check_generator(student, pair, draw.seed(), (2,), asked, ignored=ignored)


@worth("gradient_snr", 2)
def test_gradient_snr_leaves_its_surroundings_alone(student, draw):
    """It returns two Python floats, prints nothing, and changes neither x nor parameters, gradients, requires_grad or
    modes of the model."""
    earlier = Earlier.of(student, draw)
    try:
        check_variance(student, draw)
    except Wrong as wrong:
        kept = placed(student, AffineModel.drawn(draw, 2))
        before = kept.state()
        student.gradient_snr(kept, distinct(draw, 3), 2, 5)
        if not wrong.hint and not earlier.changes and expect.changes(before, kept.state()) is not None:
            wrong.hint = "What a run leaves in the model, gradients too, is there in the next one. Only training changes a model."
        raise
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, prior=True, dtype=dtype), distinct(draw, 3).to(dtype)
        model = placed(student, toy)
        model.attribute("decoder").train()
        model.load({}, gradients={"encoder.weight_mu": draw.normal(*toy.weight_mu.shape, dtype=dtype)})
        asked, before = call("gradient_snr", model=..., x=x, num_samples=2, runs=5), model.state()
        seen = student.inspect("gradient_snr", model, x, 2, 5)
        items = seen.value if isinstance(seen.value, (tuple, list)) else [seen.value]
        if [type(item) for item in items] != [float, float]:
            todo = "A tensor of one number has a method that gives the number."
            raise Wrong(asked, "two Python floats", " and ".join(map(expect.described, items)), todo)
        check_manners(earlier, seen, before, model.state(), asked, x=x)
    toy, x = AffineModel.drawn(draw, 2, prior=True), distinct(draw, 3)

    def inspect(model):
        return student.inspect("gradient_snr", model, x, 2, 5, generator=Seed(7))

    if not earlier.changes:
        check_models_kept(student, toy, inspect, asked)
        check_seeding(student, lambda: student.gradient_snr(placed(student, toy), x, 2, 5), draw, asked)


# --- latent_traversal -------------------------------------------------------------------------------------------------


@worth("latent_traversal", 3)
def test_latent_traversal_replaces_one_coordinate(student, draw):
    """Image (i, j) is decoded from the posterior mean whose coordinate dims[i] is replaced by values[j], and no
    other."""
    for dims, values, latent_dim in (([3, 1], [-2.0, 0.5, 3.0], 4), ([0], [1.5], 1), ([2, 0, 1], [-1.0, 1.0, 2.0], 3)):
        check_traversal(student, AffineModel.drawn(draw, latent_dim, (1, 28, 28)), image(draw), dims, values)


@worth("latent_traversal")
def test_latent_traversal_starts_from_the_image(student, draw):
    """Where a coordinate is replaced by what it is, the image is the same whichever coordinate that is."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    mu, model = toy.encode(x)[0][0].tolist(), placed(student, toy)
    asked, got = call("latent_traversal", model=..., x=x, dims=..., values=...), []
    for dim in range(3):
        answer = student.latent_traversal(model, x, [dim], [mu[dim]])
        got.append(expect.tensor(answer, (1, 1, 1, 28, 28), x.dtype, asked=asked))
    expect.varied(got[0], asked=asked)
    if not all(expect.equal(other, got[0]) for other in got[1:]):
        hint = mistakes.recognise("latent_traversal", got[0], toy, x, [0], mu[:1])
        raise Wrong(asked, "one image where each coordinate keeps its value", "different ones", "", hint)


@worth("latent_traversal")
def test_latent_traversal_returns_probabilities_without_gradient(student, draw):
    """All values lie in [0, 1], in the dtype of x, and no gradient reaches the model."""
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 3, (1, 28, 28), dtype=dtype), image(draw, dtype)
        asked = call("latent_traversal", model=..., x=x, dims=..., values=...)
        answer = student.latent_traversal(placed(student, toy), x, [2, 1], [-4.0, 4.0, 0.5])
        got = expect.tensor(answer, (2, 3, 1, 28, 28), dtype, asked=asked)
        expect.varied(got, asked=asked)
        check_no_gradient(student, "latent_traversal", placed(student, toy), x, [2, 1], [-4.0, 4.0, 0.5], asked=asked)
        check_traversal(student, toy, x, [2, 1], [-4.0, 4.0, 0.5])
        if not bool(((got >= 0) & (got <= 1)).all()):
            hint = mistakes.recognise("latent_traversal", got, toy, x, [2, 1], [-4.0, 4.0, 0.5])
            raise Wrong(asked, "values in [0, 1]", "some outside", "They are probabilities.", hint)


@worth("latent_traversal")
def test_latent_traversal_writes_into_a_copy(student, draw):
    """The encoder's output stays as it was, also where that is the same tensor in every call."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    encoder = student.fixed_encoder(*toy.encode(x))
    decoder = student.affine_decoder(toy.weight, toy.bias, toy.shape)
    model, asked = student.model(encoder, decoder, latent_dim=3), call("latent_traversal", model=..., x=x)
    before = encoder.state()
    first, again = (student.latent_traversal(model, x, [2, 0], [-1.0, 1.0]) for _ in range(2))
    expect.varied(first, asked=asked)
    check_traversal(student, toy, x, [2, 0], [-1.0, 1.0])
    if expect.changes(before, encoder.state()) or not expect.identical(first, again):
        raise Wrong(asked, "the posterior mean to be as it was", "another one", "", SAID["mean_changed"])


@worth("latent_traversal")
def test_latent_traversal_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither x nor the model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 3, (1, 28, 28)), image(draw)
    model = placed(student, toy)
    model.attribute("decoder").train()
    asked, before = call("latent_traversal", model=..., x=x, dims=..., values=...), model.state()
    chance = fresh_chance(student)
    seen = student.inspect("latent_traversal", model, x, [1, 0], [-1.0, 1.0])
    check_traversal(student, toy, x, [1, 0], [-1.0, 1.0])
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x}, asked=asked)
    todo = "The posterior mean is decoded, not a sample."
    expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=todo)
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda m: student.inspect("latent_traversal", m, x, [1, 0], [-1.0, 1.0]), asked)


# --- trained_iwae -----------------------------------------------------------------------------------------------------


@worth("trained_iwae", 1.5)
def test_trained_iwae_with_5_samples(trained):
    """iwae_k5 reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("iwae_k5"))


@worth("trained_iwae", 1.5)
def test_trained_iwae_with_50_samples(trained):
    """iwae_k50 reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("iwae_k50"))


@worth("trained_iwae")
def test_trained_vaes_to_compare_with(trained):
    """vae_k1, vae_k5 and vae_k50 do the same; given code trains them, so they count where there is an iwae_k5 to
    compare with."""
    trained("iwae_k5")
    names, credit, said = ("vae_k1", "vae_k5", "vae_k50"), 0.0, []
    for name in names:
        try:
            judge(trained(name))
            credit += 1 / len(names)
        except Partial as partial:
            credit += partial.credit / len(names)
            said.append(str(partial))
        except StudentError as error:
            said.append(str(error))
    if said:
        raise Partial(credit, " ".join(said))
