"""Hidden tests of the assignment on variational autoencoders, exercise by exercise.

A test asks `student` for one behaviour on inputs from `draw`; the truth comes from `oracles`. Where a function builds
on earlier ones, an answer is also right if it is what those earlier functions of the same submission make of it: an
early mistake costs once. Shapes: B images, K samples, D latent dimensions, images (1, height, width). Random results
are compared at a false-alarm rate of 1e-9 a test.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.draw import Draw
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel
from autograder.judging.rubric import worth
from autograder.kernel.answers import Inspection
from autograder.kernel.remote import Handle, Student
from autograder.kernel.wire import Seed
from autograder.suite import public

SHAPE = (1, 2, 3)  # of the small images on which most tests ask
COLOURED = (3, 2, 2)  # of images whose channels are to be summed over, too
NARROW = 9.5  # the largest log-variance asked, up or down: clamps at 10 are allowed
SIZES = ((5, 3), (1, 4), (4, 4), (1, 1))  # (B, D): one image, as many images as dimensions, more
MODES = ((False, False, False), (True, True, True), (False, True, False), (False, False, True))  # model, its parts
STILL = "In evaluation mode a network draws and seeds nothing: is it dropout that stays on, or a seed?"
UNUSUAL = 761_208_953  # a seed
EXTREME = 1e4  # the largest logit that is promised exactly
ENOUGH = 4000  # draws where frequencies are compared


# --- reparameterize ---------------------------------------------------------------------------------------------------


@worth("reparameterize", 3)
def test_reparameterize_scales_and_shifts_the_noise(student, draw):
    """z = mu + exp(log_var / 2) · eps for every image and latent dimension (Kingma and Welling 2014, section 2.4)."""
    for batch, latent_dim in SIZES:
        mu, log_var, eps = gaussians(draw, batch, latent_dim)
        check_reparameterize(student, mu, log_var, eps)
    mu, log_var, eps = draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW), draw.normal(4, 3)
    check_reparameterize(student, mu, log_var, eps)
    check_reparameterize(student, 0 * mu, 0 * log_var - 9, 3 + 0 * eps)


@worth("reparameterize", 2)
def test_reparameterize_broadcasts_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns K samples for every image, also where K = 1 or K = B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2), (3, 1, 3)):
        mu, log_var, _ = gaussians(draw, batch, latent_dim)
        check_reparameterize(student, mu, log_var, draw.normal(samples, batch, latent_dim))


@worth("reparameterize", 2)
def test_reparameterize_passes_gradients(student, draw):
    """The gradient reaches mu and log_var: this is what the reparameterisation is for."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    check_gradient(
        student,
        "reparameterize",
        oracles.reparameterize,
        draw,
        check_reparameterize,
        mu=mu,
        log_var=log_var,
        eps=draw.normal(2, 5, 3),
        wrt=(0, 1),
    )


@worth("reparameterize")
def test_reparameterize_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    mu, log_var, eps = draw.normal(5, 3), draw.uniform(5, 3, low=-8, high=8), draw.normal(5, 3)
    check_reparameterize(student, mu.float(), log_var.float(), eps.float())


@worth("reparameterize")
def test_reparameterize_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers of its own."""
    mu, log_var, eps = gaussians(draw, 5, 3)
    check_tidy(
        student,
        "reparameterize",
        (5, 3),
        lambda: check_reparameterize(student, mu, log_var, eps),
        mu=mu,
        log_var=log_var,
        eps=eps,
    )


# --- gaussian_log_prob ------------------------------------------------------------------------------------------------


@worth("gaussian_log_prob", 3)
def test_gaussian_log_prob_is_the_log_density(student, draw):
    """It returns log N(z; mu, diag exp log_var), summed over the latent dimensions, one value for every image."""
    for batch, latent_dim in SIZES:
        mu, log_var, eps = gaussians(draw, batch, latent_dim)
        check_gaussian_log_prob(student, mu + 1.5 * eps, mu, log_var)
    mu, log_var, eps = draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW), draw.normal(4, 3)
    for distance in (1.0, 60.0):  # sixty standard deviations away the density rounds to zero, its logarithm does not
        check_gaussian_log_prob(student, oracles.reparameterize(mu, log_var, distance * eps), mu, log_var)
    narrow = torch.full((1, 1), -9.0, dtype=torch.float64)
    check_gaussian_log_prob(student, 0.01 + 0 * narrow, 0 * narrow, narrow)


@worth("gaussian_log_prob", 2)
def test_gaussian_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K = 1 or K = B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2)):
        mu, log_var, _ = gaussians(draw, batch, latent_dim)
        check_gaussian_log_prob(student, draw.normal(samples, batch, latent_dim), mu, log_var)


@worth("gaussian_log_prob")
def test_gaussian_log_prob_integrates_to_one(student, draw):
    """The density integrates to one in one latent dimension: nothing constant may be left out."""
    mu, log_var = draw.normal(1, 1), draw.uniform(1, 1, low=-1.5, high=1.5)
    reach = 12 * torch.exp(log_var / 2)
    z = mu + reach * torch.linspace(-1, 1, 601, dtype=torch.float64)[:, None, None]  # (points, 1, 1)
    asked = call("gaussian_log_prob", z=z, mu=mu, log_var=log_var)
    log_density = expect.tensor(student.gaussian_log_prob(z, mu, log_var), (601, 1), torch.float64, asked=asked)
    mass = torch.exp(log_density).sum() * reach.squeeze() / 300
    if not abs(float(mass) - 1) <= 1e-5:
        hint = mistakes.recognise("gaussian_log_prob", log_density, z, mu, log_var)
        raise Wrong(
            asked, "a density that integrates to one over z", f"one that integrates to {float(mass):.3g}", hint=hint
        )


@worth("gaussian_log_prob")
def test_gaussian_log_prob_passes_gradients(student, draw):
    """The gradient reaches z, mu and log_var."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    arguments = {"z": draw.normal(2, 5, 3), "mu": mu, "log_var": log_var}
    check_gradient(
        student,
        "gaussian_log_prob",
        oracles.gaussian_log_prob,
        draw,
        check_gaussian_log_prob,
        **arguments,
        wrt=(0, 1, 2),
    )


@worth("gaussian_log_prob")
def test_gaussian_log_prob_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    mu, log_var, eps = draw.normal(5, 3), draw.uniform(5, 3, low=-8, high=8), draw.normal(5, 3)
    z = oracles.reparameterize(mu, log_var, eps)
    check_gaussian_log_prob(student, z.float(), mu.float(), log_var.float())


@worth("gaussian_log_prob")
def test_gaussian_log_prob_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers."""
    mu, log_var, eps = gaussians(draw, 5, 3)
    check_tidy(
        student,
        "gaussian_log_prob",
        (5,),
        lambda: check_gaussian_log_prob(student, mu + eps, mu, log_var),
        z=mu + eps,
        mu=mu,
        log_var=log_var,
    )


# --- kl_standard_normal -----------------------------------------------------------------------------------------------


@worth("kl_standard_normal", 3)
def test_kl_is_the_closed_form(student, draw):
    """It returns KL(N(mu, diag exp log_var) ‖ N(0, I)), one value for every image (Kingma and Welling 2014, appendix
    B)."""
    for batch, latent_dim in SIZES:
        mu, log_var, _ = gaussians(draw, batch, latent_dim)
        check_kl(student, mu, log_var)
    check_kl(student, draw.normal(4, 3), draw.uniform(4, 3, low=-NARROW, high=NARROW))
    for log_var in (-9.0, 9.0):
        check_kl(student, torch.zeros(1, 1, dtype=torch.float64), torch.full((1, 1), log_var, dtype=torch.float64))


@worth("kl_standard_normal")
def test_kl_is_zero_for_the_prior_and_positive_elsewhere(student, draw):
    """The divergence is zero where mu = 0 and log_var = 0, and positive on both sides of either."""
    size = draw.uniform(1, 3, low=0.5, high=2.0)
    none = torch.zeros(1, 3, dtype=torch.float64)
    mu = torch.cat([none, size, -size, none, none])
    log_var = torch.cat([none, none, none, size, -size])
    asked = call("kl_standard_normal", mu=mu, log_var=log_var)
    got = expect.tensor(student.kl_standard_normal(mu, log_var), (5,), torch.float64, asked=asked)
    hint = mistakes.recognise("kl_standard_normal", got, mu, log_var)
    if not abs(float(got[0])) <= 1e-5:
        raise Wrong(
            asked,
            "zero for the image whose q(z|x) is the prior",
            "another value",
            "Put mu = 0, log_var = 0 into your formula.",
            hint,
        )
    if not bool((got[1:] > 1e-3).all()):
        raise Wrong(
            asked,
            "positive values where q(z|x) is not the prior",
            "some that are not positive",
            "Check the signs of all terms.",
            hint,
        )


@worth("kl_standard_normal", 2)
def test_kl_passes_gradients(student, draw):
    """The gradient is mu for mu and (exp log_var - 1) / 2 for log_var: it pulls q(z|x) towards the prior."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    function = oracles.kl_standard_normal
    check_gradient(student, "kl_standard_normal", function, draw, check_kl, mu=mu, log_var=log_var, wrt=(0, 1))


@worth("kl_standard_normal")
def test_kl_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, with log-variances from -8 to 8."""
    check_kl(student, draw.normal(5, 3).float(), draw.uniform(5, 3, low=-8, high=8).float())


@worth("kl_standard_normal")
def test_kl_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers."""
    mu, log_var, _ = gaussians(draw, 5, 3)
    check_tidy(
        student,
        "kl_standard_normal",
        (5,),
        lambda: check_kl(student, mu, log_var),
        mu=mu,
        log_var=log_var,
    )


# --- bernoulli_log_prob -----------------------------------------------------------------------------------------------


@worth("bernoulli_log_prob", 3)
def test_bernoulli_log_prob_sums_over_pixels(student, draw):
    """It returns the sum over pixels of log Bern(x; σ(logits)), one value for every image, whatever the size of the
    images."""
    for batch, shape in ((5, (1, 2, 3)), (1, (1, 3, 2)), (3, (1, 3, 3)), (2, (1, 28, 28)), (4, COLOURED)):
        check_bernoulli_log_prob(student, draw.binary(batch, *shape), draw.normal(batch, *shape, scale=2.0))


@worth("bernoulli_log_prob", 2)
def test_bernoulli_log_prob_broadcasts_over_samples(student, draw):
    """With logits of shape (K, B, 1, height, width) it returns (K, B): every sample's logits meet their own image."""
    for samples, batch in ((3, 5), (1, 4), (4, 4), (3, 1)):
        check_bernoulli_log_prob(student, draw.binary(batch, *SHAPE), draw.normal(samples, batch, *SHAPE, scale=2.0))
    check_bernoulli_log_prob(student, draw.binary(4, *COLOURED), draw.normal(2, 4, *COLOURED, scale=2.0))


@worth("bernoulli_log_prob")
def test_bernoulli_log_prob_of_all_images_sums_to_one(student, draw):
    """For any logits the probabilities of all 64 binary images of 2 × 3 pixels sum to one."""
    x = oracles.all_images(2, 3)
    logits = draw.normal(*SHAPE, scale=2.0).expand(64, *SHAPE).clone()
    asked = call("bernoulli_log_prob", x=x, logits=logits)
    got = expect.tensor(student.bernoulli_log_prob(x, logits), (64,), torch.float64, asked=asked)
    total = float(torch.exp(got).sum())
    if not abs(total - 1) <= 1e-5:
        hint = mistakes.recognise("bernoulli_log_prob", got, x, logits)
        raise Wrong(asked, "probabilities of all possible images that sum to one", f"a sum of {total:.3g}", hint=hint)


@worth("bernoulli_log_prob", 2)
def test_bernoulli_log_prob_is_exact_for_extreme_logits(student, draw):
    """It is finite and exact for logits up to ±10,000, in float64 and in float32."""
    for dtype in (torch.float64, torch.float32):
        for size in (20.0, 200.0, EXTREME):
            x = draw.binary(5, *SHAPE, dtype=dtype)
            logits = size * (2 * draw.binary(5, *SHAPE, dtype=dtype) - 1)
            check_bernoulli_log_prob(student, x, logits, "Probabilities round to 0 and 1 here: work with the logits.")


@worth("bernoulli_log_prob", 2)
def test_bernoulli_log_prob_passes_gradients(student, draw):
    """The gradient for the logits is x - σ(logits), finite also at ±10,000."""
    function, cause = oracles.bernoulli_log_prob, "Probabilities round to 0 and 1 here: work with the logits."
    x = draw.binary(5, *SHAPE)
    logits, right = draw.normal(2, 5, *SHAPE), check_bernoulli_log_prob
    check_gradient(student, "bernoulli_log_prob", function, draw, right, x=x, logits=logits, wrt=(1,))
    logits = EXTREME * (2 * draw.binary(5, *SHAPE) - 1)
    check_gradient(student, "bernoulli_log_prob", function, draw, right, x=x, logits=logits, wrt=(1,), todo=cause)


@worth("bernoulli_log_prob")
def test_bernoulli_log_prob_keeps_float32(student, draw):
    """Inputs in float32 give a result in float32, accurate on images of 28 × 28 pixels."""
    shape = (1, 28, 28)
    check_bernoulli_log_prob(student, draw.binary(3, *shape).float(), draw.normal(2, 3, *shape, scale=4.0).float())


@worth("bernoulli_log_prob")
def test_bernoulli_log_prob_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs and draws no random numbers."""
    x, logits = draw.binary(5, *SHAPE), draw.normal(5, *SHAPE)
    check_tidy(
        student, "bernoulli_log_prob", (5,), lambda: check_bernoulli_log_prob(student, x, logits), x=x, logits=logits
    )


# --- bernoulli_sample -------------------------------------------------------------------------------------------------


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_returns_zeros_and_ones(student, draw):
    """It returns zeros and ones with the shape and the dtype of the logits, without gradient, also for logits of
    ±10,000."""
    for dtype, lead in ((torch.float64, (5,)), (torch.float32, (1,)), (torch.float64, (3, 2))):
        logits = draw.normal(*lead, *SHAPE, scale=2.0, dtype=dtype)
        asked = call("bernoulli_sample", logits=logits)
        got = expect.tensor(student.bernoulli_sample(logits), logits.shape, dtype, asked=asked)
        if not bool(((got == 0) | (got == 1)).all()):
            raise Wrong(
                asked,
                "only zeros and ones",
                "other numbers",
                "Draw each pixel from its Bernoulli distribution.",
                SAID["probabilities"] if bool(((got - got.round()).abs() > 0.01).any()) else SAID["gradient_left"],
            )
    x = draw.binary(5, *SHAPE)
    asked = call("bernoulli_sample", logits=x) + f", all ±{EXTREME:g}"
    got = expect.tensor(student.bernoulli_sample(EXTREME * (2 * x - 1)), x.shape, torch.float64, asked=asked)
    if not torch.equal(got, x):
        hint = SAID["inverted"] if torch.equal(got, 1 - x) else ""
        raise Wrong(
            asked,
            "1 where the logit is 10,000 and 0 where it is -10,000",
            "something else",
            "A logit is log p / (1 - p).",
            hint,
        )


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_has_the_right_frequencies(student, draw):
    """Ones come with probability σ(logits) (Chernoff bound at a false-alarm rate of 1e-9)."""
    logits = draw.uniform(*SHAPE, low=0.4, high=2.0) * (2 * draw.binary(*SHAPE) - 1)
    many = logits.expand(ENOUGH, *SHAPE).clone()
    asked = call("bernoulli_sample", logits=many, generator=...)
    got = expect.tensor(student.bernoulli_sample(many, Seed(draw.seed())), many.shape, None, asked=asked)
    counts, p = got.double().clamp(0, 1).sum(0), torch.sigmoid(logits)
    hint = SAID["inverted"] if statistics.proportions_are(counts, 1 - p, ENOUGH) else ""
    hint = SAID["thresholded"] if torch.equal(counts / ENOUGH, (logits > 0).double()) else hint
    finding = statistics.proportions_are(counts, p, ENOUGH)
    expect.agrees(
        finding,
        asked=asked,
        expected="ones with probability σ(logit) in every pixel",
        got="other frequencies",
        hint=hint,
    )


@worth("bernoulli_sample")
def test_bernoulli_sample_draws_pixels_independently(student, draw):
    """Pixels and images are drawn independently of each other (Chernoff bound at a false-alarm rate of 1e-9)."""
    logits = torch.zeros(ENOUGH, *SHAPE, dtype=torch.float64)
    asked = call("bernoulli_sample", logits=logits, generator=...) + ", all zero"
    got = expect.tensor(student.bernoulli_sample(logits, Seed(draw.seed())), logits.shape, None, asked=asked).double()
    pixels = got.reshape(ENOUGH, -1)
    neighbours = (pixels == pixels.roll(1, 1)).double()  # six pixels: every pair once
    images = (pixels[0::2] == pixels[1::2]).double()  # disjoint pairs of images
    half = torch.full((pixels.shape[1],), 0.5, dtype=torch.float64)
    for same, n in ((neighbours.sum(0), ENOUGH), (images.sum(0), ENOUGH // 2)):
        finding = statistics.proportions_are(same, half, n, statistics.ALPHA / 2)
        expect.agrees(
            finding,
            asked=asked,
            expected="two pixels to be equal half of the time",
            got="another share",
            hint=SAID["shared_noise"] if expect.varies(pixels) else SAID["not_drawn"],
        )


@worth("bernoulli_sample", 2)
def test_bernoulli_sample_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another sample, and torch's global generator is left
    alone."""
    logits, seed = draw.normal(50, *SHAPE), draw.seed()
    asked = call("bernoulli_sample", logits=logits, generator=...)
    check_generator(
        student, lambda generator: student.bernoulli_sample(logits, generator=generator), seed, logits.shape, asked
    )


@worth("bernoulli_sample")
def test_bernoulli_sample_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, changes none of its inputs, and no gradient reaches the logits."""
    logits = draw.normal(20, *SHAPE)
    asked = call("bernoulli_sample", logits=logits)
    seen = student.inspect("bernoulli_sample", logits)
    got = expect.tensor(seen.value, logits.shape, None, asked=asked)
    expect.varied(seen.value, asked=asked)
    if not bool(((got - got.round()).abs() < 1e-6).all()):
        raise Wrong(asked, "only zeros and ones", "other numbers", "", SAID["probabilities"])
    expect.silent(seen, asked=asked)
    expect.surroundings_kept(seen, asked=asked)
    expect.inputs_kept(seen, {"logits": logits}, asked=asked)
    found = student.gradient("bernoulli_sample", logits).inputs[0]
    if found is not None and bool(found.any()):
        raise Wrong(asked, "a sample that carries no gradient", "one that does", "", SAID["gradient_left"])
    check_seeding(student, lambda: student.bernoulli_sample(logits), draw, asked)


# --- encoder ----------------------------------------------------------------------------------------------------------


@worth("encoder", 2)
def test_encoder_returns_mean_and_log_variance(student, draw):
    """encoder(x) returns mu and log_var, both (B, D), for one image, for as many images as dimensions, and for more."""
    for batch, latent_dim in ((1, 2), (4, 4), (3, 1), (2, 7)):
        encoder, x = network(student, "Encoder", latent_dim), images(draw, batch)
        encode(encoder, x, latent_dim)
        check_sees(encoder, x, draw, latent_dim)


@worth("encoder")
def test_encoder_treats_images_one_by_one(student, draw):
    """In evaluation mode an image's mu and log_var do not depend on the other images of the batch, nor on chance."""
    encoder, x = network(student, "Encoder", 3), images(draw, 4)
    shake(encoder, draw)
    check_sees(encoder, x, draw, 3)
    together = torch.cat(encode(encoder, x, 3), 1)
    alone = torch.cat([torch.cat(encode(encoder, x[i : i + 1], 3), 1) for i in range(4)])
    if not agree(together, alone):
        asked = call("encoder", x=x)
        raise Wrong(
            asked,
            "the same mu and log_var as for each image alone",
            "others",
            "Compare encoder(x)[0] with encoder(x[:1]).",
            SAID["rows_coupled"],
        )


@worth("encoder")
def test_encoder_sees_the_image(student, draw):
    """Different images have different means, whatever the parameters are."""
    encoder, x = network(student, "Encoder", 3), images(draw, 3)
    shake(encoder, draw)
    check_sees(encoder, x, draw, 3)


@worth("encoder")
def test_encoder_takes_values_of_both_signs(student, draw):
    """mu takes both signs and log_var goes below zero: neither is squashed or exponentiated."""
    encoder, x = network(student, "Encoder", 64), images(draw, 3)
    check_sees(encoder, x, draw, 64)
    mu, log_var = encode(encoder, x, 64)
    asked = call("encoder", x=x) + ", with other parameters"
    todo = "The last layer is linear: any real number is a mean, and any real number is the logarithm of a variance."
    if not (bool((mu > 1).any()) and bool((mu < -1).any())):
        raise Wrong(
            asked, "mu on both sides of zero and beyond ±1", "mu in a narrower range", todo, SAID["last_activation"]
        )
    if not bool((log_var < 0).any()):
        raise Wrong(asked, "some log_var below zero", "none in 3 × 64", todo, SAID["last_activation"])


@worth("encoder")
def test_encoder_passes_gradients(student, draw):
    """The gradient of mu and of log_var reaches the encoder's parameters."""
    encoder, x = network(student, "Encoder", 3), images(draw, 2)
    check_sees(encoder, x, draw, 3)
    for part, name in enumerate(("mu", "log_var")):
        check_trains(student, encoder, x, call("encoder", x=x), name, part=part, deep=name == "mu")


@worth("encoder")
def test_encoder_works_in_both_precisions_and_leaves_its_surroundings_alone(student, draw):
    """It answers float32 in float32 and float64 in float64, prints nothing, and in evaluation mode changes neither x
    nor itself."""
    for dtype in (torch.float32, torch.float64):
        encoder, x = network(student, "Encoder", 2, dtype), images(draw, 3, dtype)
        check_sees(encoder, x, draw, 2)
        asked, before, chance = call("encoder", x=x), encoder.state(), fresh_chance(student)
        seen = student.inspect((encoder, ""), x)
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=STILL)
        expect.surroundings_kept(seen, asked=asked)
        for item in expect.pair(seen.value, asked=asked):
            expect.tensor(item, (3, 2), dtype, asked=asked)
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"x": x}, asked=asked)
        expect.state_kept(before, encoder.state(), asked=asked)


# --- decoder ----------------------------------------------------------------------------------------------------------


@worth("decoder", 2)
def test_decoder_returns_one_logit_a_pixel(student, draw):
    """decoder(z) returns logits of shape (B, 1, 28, 28), for one code, for as many codes as dimensions, and for
    more."""
    for batch, latent_dim in ((1, 2), (4, 4), (3, 1), (2, 7)):
        decoder, z = network(student, "Decoder", latent_dim), draw.normal(batch, latent_dim)
        decode(decoder, z)
        check_hears(decoder, z, draw)


@worth("decoder", 2)
def test_decoder_decodes_every_sample(student, draw):
    """For z of shape (K, B, D) it returns what it returns for each (B, D), stacked: (K, B, 1, 28, 28)."""
    for samples, batch, latent_dim in ((3, 2, 4), (1, 2, 3), (2, 2, 2)):
        decoder, z = network(student, "Decoder", latent_dim), draw.normal(samples, batch, latent_dim)
        shake(decoder, draw)
        check_hears(decoder, z[0], draw)
        together = decode(decoder, z)
        slices = torch.stack([decode(decoder, z[k]) for k in range(samples)])
        if not agree(together, slices):
            todo = "Does a reshape mix samples, images and pixels? Compare decoder(z)[0] with decoder(z[0])."
            raise Wrong(call("decoder", z=z), "the logits of each sample's codes", "others", todo, SAID["rows_coupled"])


@worth("decoder")
def test_decoder_sees_the_code(student, draw):
    """Different codes give different logits, in evaluation mode the same ones in every call."""
    decoder, z = network(student, "Decoder", 3), draw.normal(3, 3)
    shake(decoder, draw)
    check_hears(decoder, z, draw)
    logits = decode(decoder, z)
    asked = call("decoder", z=z)
    if not agree(logits, decode(decoder, z)):
        raise Wrong(
            asked,
            "the same logits in every call",
            "others in the second call",
            "In evaluation mode nothing is random.",
            SAID["rows_coupled"],
        )


@worth("decoder")
def test_decoder_returns_logits_not_probabilities(student, draw):
    """Its outputs go below 0 and above 1 where the parameters ask for it: the sigmoid belongs to the likelihood."""
    decoder, z = network(student, "Decoder", 3), 3 * draw.normal(5, 3)
    shake(decoder, draw)
    logits = decode(decoder, z)
    asked = call("decoder", z=z) + ", with other parameters"
    todo = "The last layer has no activation after it: any real number is a logit."
    if bool((logits >= 0).all()) or bool((logits <= 0).all()):
        hint = SAID["sigmoid_in_decoder"] if bool((logits.abs() <= 1).all()) else SAID["last_activation"]
        raise Wrong(asked, "logits on both sides of zero", "logits on one side", todo, hint)
    if not bool((logits.abs() > 1).any()):
        raise Wrong(asked, "logits beyond ±1", "none", todo, SAID["sigmoid_in_decoder"])


@worth("decoder")
def test_decoder_passes_gradients(student, draw):
    """The gradient of the logits reaches the code and the decoder's parameters."""
    decoder, z = network(student, "Decoder", 3), draw.normal(2, 3)
    shake(decoder, draw)
    asked = call("decoder", z=z)
    decode(decoder, z)
    cotangent = draw.normal(2, 1, 28, 28)
    found = student.gradient((decoder, ""), z, wrt=(0,), cotangent=cotangent).inputs[0]
    if found is None or not float(found.abs().max()) > 0:
        raise Wrong(asked, "a gradient for z", "none", "Without it the encoder learns nothing.", SAID["detached"])
    check_trains(student, decoder, z, asked, "the logits")


@worth("decoder")
def test_decoder_works_in_both_precisions_and_leaves_its_surroundings_alone(student, draw):
    """It answers float32 in float32 and float64 in float64, prints nothing, and in evaluation mode changes neither z
    nor itself."""
    for dtype in (torch.float32, torch.float64):
        decoder, z = network(student, "Decoder", 2, dtype), draw.normal(3, 2, dtype=dtype)
        check_hears(decoder, z, draw)
        asked, before, chance = call("decoder", z=z), decoder.state(), fresh_chance(student)
        seen = student.inspect((decoder, ""), z)
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=STILL)
        expect.surroundings_kept(seen, asked=asked)
        expect.tensor(seen.value, (3, 1, 28, 28), dtype, asked=asked)
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"z": z}, asked=asked)
        expect.state_kept(before, decoder.state(), asked=asked)


# --- elbo -------------------------------------------------------------------------------------------------------------


@worth("elbo", 3)
def test_elbo_is_reconstruction_minus_divergence(student, draw):
    """For each image the bound is log p(x|z) - KL(q(z|x) ‖ N(0, I)) with z from the given eps, in closed form (Kingma
    and Welling 2014, eq. 10)."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 1, (1, 1, 4))):
        toy = settled(student, AffineModel.drawn(draw, latent_dim, shape))
        check_elbo(student, toy, draw.binary(batch, *shape), draw.normal(batch, latent_dim))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0)):  # the probability of the latter rounds to zero
        toy = settled(student, AffineModel.drawn(draw, 2, shape))
        check_elbo(student, toy, draw.binary(3, *shape), draw.normal(3, 2, scale=scale))


@worth("elbo", 2)
def test_elbo_averages_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns the mean of the K single-sample bounds, (B,), also where K = 1 or K =
    B."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 2), (2, 1, 3)):
        toy = settled(student, AffineModel.drawn(draw, latent_dim))
        check_elbo(student, toy, draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim), averages_own=True)


@worth("elbo", 2)
def test_elbo_uses_the_prior_of_the_model(student, draw):
    """With a prior of its own the model's bound is log p(x|z) + log p(z) - log q(z|x), the prior being looked up when
    called."""
    for lead, batch, latent_dim in (((), 5, 3), ((3,), 4, 2)):
        toy = settled(student, AffineModel.drawn(draw, latent_dim, prior=True))
        check_elbo(student, toy, draw.binary(batch, *SHAPE), draw.normal(*lead, batch, latent_dim))
    toy = settled(student, AffineModel.drawn(draw, 2, prior=True))
    check_elbo(student, toy, draw.binary(3, *SHAPE), draw.normal(3, 2, scale=60.0))  # where densities round to zero


@worth("elbo")
def test_elbo_stays_below_the_log_likelihood(student, draw):
    """Averaged over many eps it is the bound's exact value, and never above log p(x) (both by quadrature in one latent
    dimension)."""
    toy = settled(student, AffineModel.drawn(draw, 1, (1, 2, 2)))
    x, nodes = oracles.all_images(2, 2), 1000
    eps = oracles.normal_midpoints(nodes)[:, None, None].expand(nodes, len(x), 1).clone()
    got, asked = check_elbo(student, toy, x, eps), call("vae.elbo", x=x, eps=eps)
    below = bool((got <= toy.log_likelihood(x) + 1e-3).all()) and bool(
        ((got - toy.expected_elbo(x)).abs() < 0.02).all()
    )
    if (
        expect.equal(got, toy.elbo(x, eps)) and not below
    ):  # where it is not, an earlier function is wrong, and pays for it there
        raise Wrong(asked, "the bound's expectation, below log p(x)", "another value")


@worth("elbo")
def test_elbo_passes_gradients(student, draw):
    """The gradient of the bound reaches the parameters of encoder, decoder and prior, and agrees with its finite
    differences."""
    for prior in (False, True):
        toy = settled(student, AffineModel.drawn(draw, 2, prior=prior))
        x, eps, weight = draw.binary(4, *SHAPE), draw.normal(4, 2), draw.normal(4)
        vae = installed(student, toy)
        asked = call("vae.elbo", x=x, eps=eps)
        check_elbo(student, toy, x, eps, vae=vae)
        if not Earlier(student, draw).changes_inputs:
            expect.inputs_kept(student.inspect((vae, "elbo"), x, eps), {"x": x, "eps": eps}, asked=asked)
        parts = {"encoder": ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var"), "decoder": ("weight", "bias")}
        parts |= {"prior": ("mean", "log_var")} if prior else {}
        for part, names in parts.items():
            owner = vae.attribute(part)
            found = student.gradient((vae, "elbo"), x, eps, wrt=(), parameters_of=owner, cotangent=weight)
            sizes = {name: value.shape for name, value in owner.state().parameters.items()}
            for name in names:
                direction = draw.normal(*sizes[name])
                want = oracles.slope(
                    moved(
                        owner,
                        name,
                        direction,
                        lambda vae=vae, x=x, eps=eps, w=weight, asked=asked: w @ bound(vae, x, eps, asked),
                    )
                )
                got = found.parameters[name]
                got = None if got is None else (got * direction).sum()
                if got is None and abs(float(want)) < 1e-9:
                    continue  # nothing depends on it here
                if (got is None or not expect.equal(got, want)) and not earlier_gradients_broken(student, draw):
                    expect.derivative(got, want, asked=asked, of=f"the {part}'s {name}", right=True)


@worth("elbo")
def test_vae_is_made_of_encoder_decoder_and_prior(student, draw):
    """VAE(latent_dim, prior=None) keeps latent_dim and prior, makes an encoder and a decoder of its own, and elbo is right for
    whatever encoder, decoder and prior the model has when it is asked."""
    asked = "VAE(latent_dim=3)"
    first, second = student.new("VAE", latent_dim=3), student.new("VAE", latent_dim=3)
    if not expect.identical(first.value("latent_dim"), 3):
        raise Wrong(asked, "the attribute latent_dim to be 3", expect.described(first.value("latent_dim")))
    if first.value("prior") is not None:
        raise Wrong(
            asked, "the attribute prior to be None", expect.described(first.value("prior")), "N(0, I) is said by None."
        )
    for part in ("encoder", "decoder"):
        one, other = first.attribute(part), second.attribute(part)
        parameters = one.state().parameters
        if not parameters:
            raise Wrong(asked, f"{part} with parameters", "one without")
        name, value = next(iter(parameters.items()))
        old = other.state().parameters[name].detach().clone()
        one.load({name: value.detach() + 1})
        if not torch.equal(other.state().parameters[name].detach(), old):
            todo = f"Make a new {part.title()} in the constructor."
            raise Wrong(asked, f"a {part} of its own for every VAE", f"two that share one {part}", todo)
    toy = settled(student, AffineModel.drawn(draw, 2, prior=True))
    given = student.new("VAE", latent_dim=2, prior=student.gaussian_prior(*toy.prior))
    encoder, decoder, _ = parts_of(student, toy)
    given.assign(encoder=encoder, decoder=decoder)
    given.to(torch.float64)
    x, eps = draw.binary(4, *SHAPE), draw.normal(4, 2)
    check_elbo(student, toy, x, eps, vae=given, made="VAE(latent_dim, prior), then ")


@worth("elbo")
def test_elbo_keeps_float32(student, draw):
    """A model and images in float32 give a bound in float32."""
    toy = settled(student, AffineModel.drawn(draw, 2, dtype=torch.float32))
    check_elbo(student, toy, draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(3, 5, 2, dtype=torch.float32))


@worth("elbo")
def test_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither its inputs nor the model nor any submodule's
    mode."""
    toy = settled(student, AffineModel.drawn(draw, 2))
    x, eps = draw.binary(5, *SHAPE), draw.normal(5, 2)
    vae = installed(student, toy)
    check_elbo(student, toy, x, eps, vae=vae)
    vae.attribute("encoder").train()
    asked, before, chance = call("vae.elbo", x=x, eps=eps), vae.state(), fresh_chance(student)
    seen = student.inspect((vae, "elbo"), x, eps)
    earlier = Earlier(student, draw)
    if not earlier.prints:
        expect.silent(seen, asked=asked)
    if not earlier.changes_inputs:
        expect.inputs_kept(seen, {"x": x, "eps": eps}, asked=asked)
    if not earlier.draws:
        expect.random_state_kept(
            chance, student.global_rng(), asked=asked, todo="All its randomness comes in through eps."
        )
    expect.state_kept(before, vae.state(), asked=asked)
    check_models_kept(
        student, toy, lambda model: student.inspect((model, "elbo"), x, eps), asked, build=installed, earlier=earlier
    )


# --- negative_elbo ----------------------------------------------------------------------------------------------------


@worth("negative_elbo", 2)
def test_negative_elbo_reduces_over_images(student, draw):
    """vae(x) is minus the mean of the images' bounds, vae(x, reduction="sum") minus their sum: one number each."""
    for batch in (5, 1):
        toy = at_prior(AffineModel.drawn(draw, 2))
        x = draw.binary(batch, *SHAPE)
        vae = installed(student, toy)
        for reduction, options in (("mean", {}), ("mean", {"reduction": "mean"}), ("sum", {"reduction": "sum"})):
            check_loss(student, toy, x, vae, draw, reduction, options)


@worth("negative_elbo", 2)
def test_negative_elbo_draws_noise_for_every_image(student, draw):
    """Every image and latent dimension gets standard normal noise of its own, one each, anew in every call
    (concentration bound at 1e-9)."""
    copies, calls = 20_000, 3
    for prior in (False, True):
        toy = tense(draw, prior)
        x = draw.binary(1, 1, 1, 2)
        many = x.expand(copies, -1, -1, -1).clone()
        vae = installed(student, toy)
        asked = call("vae", x=many) + ", one image many times"
        losses = [float(expect.tensor(vae(many), (), torch.float64, asked=asked)) for _ in range(calls)]
        truth, limit = -float(toy.expected_elbo(x)), toy.lipschitz(x)
        alpha = statistics.ALPHA / (2 * calls)
        findings = [statistics.lipschitz_mean_is(loss, truth, limit, copies, alpha) for loss in losses]
        if all(findings) and len(set(losses)) == calls:
            continue
        own = own_bounds(vae, many, draw.normal(copies, 2))  # may be wrong, then it pays for that itself
        again = own_bounds(vae, many, draw.normal(copies, 2))
        if (
            own is not None
            and own.shape == (copies,)
            and not (
                expect.varies(own) and again is not None and statistics.same_mean(float(again.mean()), copies, own)
            )
        ):
            continue  # it hears nothing of the images' noise, or couples the images
        if own is not None and own.shape == (copies,):
            findings = [statistics.same_mean(loss, copies, -own, alpha) for loss in losses]
        elif own is not None and own.dim() == 0:
            findings = [statistics.lipschitz_mean_is(loss, -float(own), 2 * limit, copies, alpha) for loss in losses]
        todo = (
            "With a prior of its own too the loss goes through `elbo`."
            if prior
            else "Draw eps of shape (B, D) with randn."
        )
        expected, got = "a loss near the expectation of the negative bound", "one far from it"
        hint = noise_hint(toy, x, losses, copies, draw)
        expect.agrees(min(findings, key=bool), asked=asked, expected=expected, got=got, todo=todo, hint=hint)
        if len(set(losses)) < calls:
            raise Wrong(asked, "other noise in every call", "the same loss again", "", SAID["eps_fixed"])
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    vae, asked = installed(student, toy), call("vae", x=x)
    one = draw.normal(5, 2)
    decoded, own = (
        student.watch((vae, method), x, *rest, parts_of=vae).parts.get("decoder", (0, 0, 0))[2] // toy.latent_dim
        for method, rest in (("", ()), ("elbo", (one,)))
    )
    if decoded > max(len(x), own):
        raise Wrong(asked, "one code decoded for every image", f"{decoded} codes", "", SAID["eps_many"])
    check_seeding(student, lambda: vae(x), draw, asked)


@worth("negative_elbo")
def test_negative_elbo_passes_gradients(student, draw):
    """The gradient of the loss reaches encoder and decoder."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    still = at_prior(toy)
    check_loss(student, still, x, installed(student, still), draw, "mean", {})
    vae = installed(student, toy.changed(weight=torch.zeros_like(toy.weight)))
    asked = call("vae", x=x)
    eps = draw.normal(5, 2)
    for part, name in (("decoder", "bias"), ("encoder", "bias_mu"), ("encoder", "bias_log_var")):
        owner = vae.attribute(part)
        found = student.gradient((vae, ""), x, wrt=(), parameters_of=owner)
        value = expect.tensor(found.value, (), torch.float64, asked=asked)
        own = attempt(lambda owner=owner: student.gradient((vae, "elbo"), x, eps, wrt=(), parameters_of=owner))
        if own is not None and (own.parameters[name] is None or not bool(own.parameters[name].any())):
            continue  # cut off in an earlier function already
        got = found.parameters[name]
        if (
            got is None
            or not bool(torch.isfinite(got).all())
            or not float(got.abs().max()) > 0
            or not math.isfinite(float(value))
        ):
            raise Wrong(
                asked,
                f"a gradient for the {part}",
                "none",
                "The optimizer needs the loss as a tensor with its graph.",
                SAID["detached"],
            )


@worth("negative_elbo")
def test_negative_elbo_refuses_unknown_reductions(student, draw):
    """An unknown reduction raises a ValueError."""
    toy, x = at_prior(AffineModel.drawn(draw, 2)), draw.binary(4, *SHAPE)
    vae = installed(student, toy)
    asked = call("vae", x=x, reduction="total")
    check_loss(student, toy, x, vae, draw, "mean", {})
    todo = "A misspelt option that is silently accepted is found only after hours of training."
    expect.refused(lambda: vae(x, reduction="total"), "ValueError", asked=asked, todo=todo)


@worth("negative_elbo")
def test_negative_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, answers float32 in float32, and changes neither x nor the model nor any submodule's mode."""
    toy, eps = AffineModel.drawn(draw, 2, dtype=torch.float32), draw.normal(5, 2, dtype=torch.float32)
    x = draw.binary(5, *SHAPE, dtype=torch.float32)
    vae = installed(student, toy)
    vae.attribute("decoder").train()
    before = vae.state()
    own = attempt(lambda: student.inspect((vae, "elbo"), x, eps))  # what it does itself is judged there
    blamed = own is not None and (
        own.printed or not expect.identical(own.arguments[0], x) or expect.changes(before, vae.state()) is not None
    )
    vae = installed(student, toy)
    vae.attribute("decoder").train()
    asked, before = call("vae", x=x), vae.state()
    seen = student.inspect((vae, ""), x)
    dtype = own.value.dtype if own is not None and isinstance(own.value, torch.Tensor) else torch.float32
    expect.tensor(seen.value, (), dtype, asked=asked)
    if not blamed:
        expect.silent(seen, asked=asked)
        expect.inputs_kept(seen, {"x": x}, asked=asked)
        expect.state_kept(before, vae.state(), asked=asked)
    toy, x = at_prior(AffineModel.drawn(draw, 2)), draw.binary(5, *SHAPE)
    check_loss(student, toy, x, installed(student, toy), draw, "mean", {})
    earlier = Earlier(student, draw, Earlier.modes(student, toy, x, draw))
    check_models_kept(
        student, toy, lambda model: student.inspect((model, ""), x), asked, build=installed, earlier=earlier, draws=True
    )


# --- sample -----------------------------------------------------------------------------------------------------------


@worth("sample")
def test_sample_returns_binary_images(student, draw):
    """vae.sample(n) returns n images of zeros and ones in the parameters' dtype, without gradient, also for n = 1."""
    for n, dtype, prior in ((1, torch.float64, False), (5, torch.float32, False), (3, torch.float64, True)):
        toy = AffineModel.drawn(draw, 2, prior=prior, dtype=dtype)
        asked = call("vae.sample", n=n)
        got = drawn_images(student, installed(student, toy).sample(n), n, dtype, asked)
        own = attempt(lambda dtype=dtype: student.bernoulli_sample(draw.normal(200, *SHAPE, dtype=dtype)))
        binary = isinstance(own, torch.Tensor) and bool(((own == 0) | (own == 1)).all())
        if (binary or own is None) and not bool(((got == 0) | (got == 1)).all()):
            raise Wrong(
                asked,
                "only zeros and ones",
                "other numbers",
                "",
                SAID["probabilities"] if bool(((got - got.round()).abs() > 0.01).any()) else SAID["gradient_left"],
            )
        check_certain(student, toy, n, dtype, draw)


@worth("sample", 2)
def test_sample_draws_codes_from_the_prior(student, draw):
    """Codes are independent draws from N(0, I), or from the model's prior where it has one (chi-square and DKW bounds
    at 1e-9)."""
    cuts = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    share = torch.diff(oracles.normal_cdf(torch.tensor([-math.inf, -1.0, 0.0, 1.0, math.inf], dtype=torch.float64)))
    asked, alpha = call("vae.sample", n=ENOUGH, generator=...), statistics.ALPHA / 4
    toy = dividing(cuts, cuts)
    got = drawn_images(student, installed(student, toy).sample(ENOUGH, Seed(draw.seed())), ENOUGH, None, asked)
    expected = "codes z that are independent standard normal"
    for ones in readings(student, got):
        bins = ones.reshape(ENOUGH, 2, 3).sum(-1)  # 0 to 3: between which cuts each of the two coordinates lies
        counts = torch.bincount(bins[:, 0] * 4 + bins[:, 1], minlength=16).double()
        joint = statistics.counts_agree(counts, torch.outer(share, share).flatten(), alpha)
        positive = ones[:, 0, 0, 1]  # whether the first coordinate is
        alike = (positive[0::2] == positive[1::2]).sum()  # in disjoint pairs of images
        pairs = statistics.proportions_are(alike[None], torch.tensor([0.5]), ENOUGH // 2, alpha)
        if joint and pairs:
            break
    else:
        raise Wrong(asked, expected, "codes that are not", "Draw z with randn, of shape (n, latent_dim).")
    mean, log_var = draw.normal(2, shift=2.0), draw.uniform(2, low=-2.0, high=-1.0)
    toy = dividing(*(mean[:, None] + torch.exp(log_var / 2)[:, None] * cuts)).changed(prior=(mean, log_var))
    got = drawn_images(student, installed(student, toy).sample(ENOUGH, Seed(draw.seed())), ENOUGH, None, asked)
    for ones in readings(student, got):
        below = 1 - ones.double().mean(0).reshape(2, 3)
        if all(statistics.distribution_is(below[d], oracles.normal_cdf(cuts), ENOUGH, alpha) for d in range(2)):
            break
    else:
        raise Wrong(
            asked + ", model with a prior",
            "codes from that prior",
            "codes from another distribution",
            "",
            SAID["prior_ignored"],
        )


@worth("sample")
def test_sample_draws_pixels_from_the_logits(student, draw):
    """Pixels are Bernoulli draws with the decoder's logits, not their means and not a threshold (Chernoff bound at
    1e-9)."""
    bias = draw.uniform(6, low=0.4, high=2.0) * (2 * draw.binary(6) - 1)
    toy = at_prior(AffineModel.drawn(draw, 2)).changed(bias=bias)
    asked = call("vae.sample", n=ENOUGH, generator=...)
    got = drawn_images(student, installed(student, toy).sample(ENOUGH, Seed(draw.seed())), ENOUGH, None, asked).double()
    share = got.mean(0).flatten()
    finding = statistics.proportions_are((share * ENOUGH).clamp(0, ENOUGH), torch.sigmoid(bias), ENOUGH)
    if not finding:
        logits = bias.reshape(SHAPE).expand(ENOUGH, *SHAPE).clone()
        own = attempt(lambda: student.bernoulli_sample(logits, generator=Seed(draw.seed())))
        if isinstance(own, torch.Tensor) and own.shape == got.shape and expect.varies(own):
            own = own.detach().double()
            finding = statistics.same_shares(share, own.mean(0).flatten(), ENOUGH, float(own.max() - own.min()) or 1e-9)
    hint = SAID["thresholded"] if torch.equal(share, (bias > 0).double()) else ""
    hint = SAID["probabilities"] if bool(((got - got.round()).abs() > 0.01).any()) else hint
    expect.agrees(
        finding,
        asked=asked,
        expected="ones with probability σ(logit) in every pixel",
        got="other frequencies",
        hint=hint,
    )


@worth("sample", 2)
def test_sample_follows_its_generator(student, draw):
    """A generator makes codes and pixels reproducible, another seed gives others, and torch's global generator is left
    alone."""
    cuts = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64)
    logits, seed = draw.normal(50, *SHAPE), draw.seed()
    asked = call("vae.sample", n=50, generator=...)
    alone, follows = manners(student, lambda generator: student.bernoulli_sample(logits, generator=generator), seed)
    prior = (draw.normal(2), draw.normal(2, scale=0.1))
    certain = dividing(cuts, cuts)
    toys = [certain, certain.changed(prior=prior)]
    toys += [at_prior(AffineModel.drawn(draw, 2)), AffineModel.drawn(draw, 2, prior=True)] if follows else []
    for toy in toys:
        vae = installed(student, toy)

        def sample(generator, vae=vae):
            return drawn_images(student, vae.sample(50, generator=generator), 50, None, asked)

        check_generator(student, sample, seed, (50, *SHAPE), asked, alone, same="")


@worth("sample")
def test_sample_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, no gradient reaches the model, and the model and its submodules' modes stay as they were."""
    toy = AffineModel.drawn(draw, 2)
    vae = installed(student, toy)
    vae.attribute("decoder").train()
    asked, before, logits = call("vae.sample", n=4), vae.state(), draw.normal(4, *SHAPE)
    seen = student.inspect((vae, "sample"), 4)
    own = attempt(lambda: student.inspect("bernoulli_sample", logits))
    lets = attempt(lambda: student.gradient("bernoulli_sample", logits).inputs[0])
    drawn_images(student, seen.value, 4, None, asked)
    reached = student.gradient((vae, "sample"), 4, wrt=(), parameters_of=vae).parameters.values()
    if (lets is None or not bool(lets.any())) and any(g is not None and bool(g.any()) for g in reached):
        raise Wrong(asked, "images that carry no gradient", "some that do", "", SAID["gradient_left"])
    if own is None or not own.printed:
        expect.silent(seen, asked=asked)
    expect.state_kept(before, vae.state(), asked=asked)
    check_certain(student, toy, 4, torch.float64, draw)
    earlier = Earlier(student, draw)
    check_models_kept(
        student,
        toy,
        lambda model: student.inspect((model, "sample"), 4),
        asked,
        build=installed,
        earlier=earlier,
        draws=True,
    )
    if own is None or not reseeds(student, lambda: student.bernoulli_sample(logits), draw):
        check_seeding(student, lambda: vae.sample(4), draw, asked)


# --- train_step -------------------------------------------------------------------------------------------------------


@worth("train_step", 2)
def test_train_step_takes_one_step_down_the_gradient(student, draw):
    """After the call the parameters have moved by exactly one step of the optimizer along the gradient of model(x)."""
    weight, x, rate = draw.normal(6), draw.binary(5, *SHAPE), 0.1
    model = student.quadratic_loss(weight)
    model.train()
    student.train_step(model, student.optimizer("SGD", model, lr=rate), x)
    check_step(student, model, weight, x, rate, torch.zeros(6, dtype=torch.float64))
    for kind, options in (("SGD", {"lr": 0.1, "momentum": 0.9}), ("Adam", {"lr": 0.3}), ("SGD", {"lr": 0.05})):
        check_steps(student, draw.normal(6, scale=200.0), draw.binary(4, 5, *SHAPE), kind, options)


@worth("train_step")
def test_train_step_clears_old_gradients(student, draw):
    """A gradient left over from before the call takes no part in the step: optimizer.zero_grad comes before
    backward."""
    weight, x, rate, left = draw.normal(6), draw.binary(5, *SHAPE), 0.1, draw.normal(6, scale=3.0)
    model = student.quadratic_loss(weight)
    model.train()
    optimizer = student.optimizer("SGD", model, lr=rate)
    model.load({}, gradients={"weight": left})
    student.train_step(model, optimizer, x)
    check_step(student, model, weight, x, rate, left, " after an earlier backward pass")


@worth("train_step")
def test_train_step_switches_to_training_mode(student, draw):
    """The loss is computed in training mode, whatever mode the model or a submodule was in."""
    weight, x, rate = draw.normal(6), draw.binary(5, *SHAPE), 0.1
    for part in ("", "child"):
        model = student.quadratic_loss(weight)
        model.train()
        (model.attribute(part) if part else model).eval()
        student.train_step(model, student.optimizer("SGD", model, lr=rate), x)
        check_step(
            student, model, weight, x, rate, torch.zeros(6, dtype=torch.float64), " of a model in evaluation mode"
        )


@worth("train_step", 2)
def test_train_step_returns_the_loss_as_a_float(student, draw):
    """It returns the value of model(x) before the step, as a Python float: a tensor would keep the whole graph in
    memory."""
    weight, x = draw.normal(6), draw.binary(5, *SHAPE)
    model = student.quadratic_loss(weight)
    model.train()
    asked = call("train_step", model=model, optimizer=..., x=x)
    got = student.train_step(model, student.optimizer("SGD", model, lr=0.1), x)
    if type(got) is not float:
        raise Wrong(
            asked, "a Python float", expect.described(got), "A tensor of one number has a method that gives the number."
        )
    mean = x.flatten(1).mean(0)
    losses = [0.5 * float(((w - mean) ** 2).sum()) for w in (weight, weight - 0.1 * (weight - mean))]
    if not abs(got - losses[0]) <= 1e-5 * max(1.0, losses[0]):
        hint = mistakes.recognise(
            "train_step_loss", torch.tensor(got, dtype=torch.float64), *losses, losses[0] + float(weight.sum()), len(x)
        )
        raise Wrong(asked, "the value of model(x) that the step was computed from", "another number", hint=hint)


@worth("train_step")
def test_train_step_leaves_its_surroundings_alone(student, draw):
    """It prints nothing and does not change x."""
    weight, x = draw.normal(6), draw.binary(5, *SHAPE)
    model = student.quadratic_loss(weight)
    model.train()
    asked, chance = call("train_step", model=model, optimizer=..., x=x), fresh_chance(student)
    seen = student.inspect("train_step", model, student.optimizer("SGD", model, lr=0.1), x)
    expect.random_state_kept(
        chance, student.global_rng(), asked=asked, todo="Draw and seed nothing here: what is random is the model's own."
    )
    check_step(student, model, weight, x, 0.1, torch.zeros(6, dtype=torch.float64))
    expect.silent(seen, asked=asked)
    expect.surroundings_kept(seen, asked=asked)
    expect.inputs_kept(seen, {"model": model, "optimizer": ..., "x": x}, asked=asked)
    model = student.normalized_loss(weight)
    student.train_step(model, student.optimizer("SGD", model, lr=0.1), x)
    calls = model.state().buffers["norm.num_batches_tracked"]
    if int(calls) != 1:
        todo = "Compute the loss once, and keep its value." if int(calls) else mistakes.TRAIN_STEP[-1].say
        raise Wrong(asked, "model(x) to be computed once, in training mode", f"{int(calls)} times", todo)


# --- reconstruct ------------------------------------------------------------------------------------------------------


@worth("reconstruct", 2)
def test_reconstruct_decodes_the_posterior_mean(student, draw):
    """It returns σ(decoder(mu)), the probability of a 1 in every pixel, without any sampling."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 2, COLOURED)):
        check_reconstruct(
            student, AffineModel.drawn(draw, latent_dim, shape, prior=batch == 1), draw.binary(batch, *shape)
        )


@worth("reconstruct")
def test_reconstruct_returns_probabilities_without_gradient(student, draw):
    """All values lie in [0, 1], also for logits of ±10,000 and in float32, and no gradient reaches the model."""
    for dtype in (torch.float64, torch.float32):
        toy, x = AffineModel.drawn(draw, 2, dtype=dtype), draw.binary(5, *SHAPE, dtype=dtype)
        got = check_reconstruct(student, toy.changed(bias=EXTREME * torch.sign(toy.bias)), x)
        if not bool(((got >= 0) & (got <= 1)).all()):
            raise Wrong(
                call("reconstruct", model=..., x=x), "values in [0, 1]", "some outside", "They are probabilities."
            )
        check_reconstruct(student, toy, x)
        asked = call("reconstruct", model=..., x=x)
        check_no_gradient(student, "reconstruct", placed(student, toy), x, asked=asked)


@worth("reconstruct")
def test_reconstruct_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither x nor the model nor any submodule's mode."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(5, *SHAPE)
    check_reconstruct(student, toy, x)
    model = placed(student, toy)
    model.attribute("decoder").train()
    asked, before, chance = call("reconstruct", model=..., x=x), model.state(), fresh_chance(student)
    seen = student.inspect("reconstruct", model, x)
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x}, asked=asked)
    expect.random_state_kept(
        chance, student.global_rng(), asked=asked, todo="The posterior mean is decoded, not a sample."
    )
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda model: student.inspect("reconstruct", model, x), asked)


# --- architecture -----------------------------------------------------------------------------------------------------


@worth("architecture", 1)
def test_encoder_and_decoder_exist(student, draw):
    """Encoder and decoder are there and answer with numbers that depend on what they are given."""
    for name, inputs in (
        ("Encoder", images(draw, 3, torch.float32)),
        ("Decoder", draw.normal(3, 4, dtype=torch.float32)),
    ):
        module = network(student, name, 4, torch.float32)
        shake(module, draw)
        outputs = tensors_in(student.convolutions(module, inputs).output)
        if not any(map(expect.varies, outputs)):
            raise Wrong(
                call(name.lower(), input=inputs),
                "finite numbers that depend on the inputs",
                "none or one number for all",
            )


@worth("architecture", 2)
def test_encoder_and_decoder_are_convolutional(student, draw):
    """Encoder and decoder both use convolutions with a kernel larger than one pixel, and their outputs depend on
    them."""
    for name, inputs in (
        ("Encoder", images(draw, 2, torch.float32)),
        ("Decoder", draw.normal(2, 4, dtype=torch.float32)),
    ):
        module = network(student, name, 4, torch.float32)
        shake(module, draw)
        watched = student.convolutions(module, inputs)
        asked = call(name.lower(), input=inputs)
        if not watched.kernels:
            todo = (
                "Images are grids of pixels: let weights be shared between places (transposed or upsampling "
                "convolutions alike)."
            )
            raise Wrong(asked, "convolutions with a kernel larger than one pixel", "none", todo)
        both = zip(tensors_in(watched.output), tensors_in(watched.ablated), strict=False)
        if not any(output.shape == ablated.shape and not agree(output, ablated) for output, ablated in both):
            raise Wrong(asked, "outputs that depend on the convolutions", "the same outputs where these return zeros")


# --- trained_vae ------------------------------------------------------------------------------------------------------


@worth("trained_vae", 2)
def test_trained_vae_reaches_the_likelihood_of_the_reference(trained):
    """The trained model's importance weighted bound on held-out images comes up to that of well-trained reference
    models."""
    trained("vae").judge("bound")


@worth("trained_vae", 1)
def test_trained_vae_reaches_the_elbo_of_the_reference(trained):
    """Its ELBO does so, too, so that encoder and decoder fit each other."""
    trained("vae").judge("elbo")


@worth("trained_vae", 1)
def test_trained_vae_uses_its_encoder(trained):
    """Decoding an image from the code of another one costs the ELBO dearly."""
    trained("vae").judge_encoder_use()


@worth("trained_vae", 1)
def test_trained_vae_uses_a_plausible_number_of_dimensions(trained):
    """The number of active latent dimensions is in the range of the reference models."""
    trained("vae").judge_active_units()


# --- how the tests ask ------------------------------------------------------------------------------------------------


def gaussians(draw: Draw, batch: int, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mu, log_var and eps, all (B, D)."""
    return (
        draw.normal(batch, latent_dim),
        draw.uniform(batch, latent_dim, low=-2, high=2),
        draw.normal(batch, latent_dim),
    )


def check_reparameterize(student: Student, mu: torch.Tensor, log_var: torch.Tensor, eps: torch.Tensor) -> None:
    expect.close(
        student.reparameterize(mu, log_var, eps),
        oracles.reparameterize(mu, log_var, eps),
        asked=call("reparameterize", mu=mu, log_var=log_var, eps=eps),
        hint=lambda got: (
            mistakes.recognise("reparameterize", got, mu, log_var, eps)
            or expect.unsteady(lambda: student.reparameterize(mu, log_var, eps), got)
        ),
        example=lambda: public.example(student, "reparameterize"),
        shape_todo="The answer has the shape of eps.",
    )


def check_gaussian_log_prob(student: Student, z: torch.Tensor, mu: torch.Tensor, log_var: torch.Tensor) -> None:
    expect.close(
        student.gaussian_log_prob(z, mu, log_var),
        oracles.gaussian_log_prob(z, mu, log_var),
        asked=call("gaussian_log_prob", z=z, mu=mu, log_var=log_var),
        hint=lambda got: mistakes.underflown(got) or mistakes.recognise("gaussian_log_prob", got, z, mu, log_var),
        example=lambda: public.example(student, "gaussian_log_prob"),
        shape_todo="Sum over the latent dimensions, the last axis, and over nothing else.",
    )


def check_kl(student: Student, mu: torch.Tensor, log_var: torch.Tensor) -> None:
    expect.close(
        student.kl_standard_normal(mu, log_var),
        oracles.kl_standard_normal(mu, log_var),
        asked=call("kl_standard_normal", mu=mu, log_var=log_var),
        hint=lambda got: mistakes.recognise("kl_standard_normal", got, mu, log_var),
        example=lambda: public.example(student, "kl_standard_normal"),
        shape_todo="Sum over the latent dimensions, the last axis, and over nothing else.",
    )


def check_bernoulli_log_prob(student: Student, x: torch.Tensor, logits: torch.Tensor, todo: str = "") -> None:
    expect.close(
        student.bernoulli_log_prob(x, logits),
        oracles.bernoulli_log_prob(x, logits),
        asked=call("bernoulli_log_prob", x=x, logits=logits),
        hint=lambda got: mistakes.recognise("bernoulli_log_prob", got, x, logits),
        todo=todo,
        example=lambda: public.example(student, "bernoulli_log_prob"),
        shape_todo="Sum over the last three axes (channel, height, width) and over nothing else.",
    )


def check_gradient(
    student: Student,
    name: str,
    function: Callable,
    draw: Draw,
    right: Callable[..., object],
    *,
    wrt: tuple[int, ...],
    todo: str = "",
    **arguments: torch.Tensor,
) -> None:
    """Compare gradients for the arguments at `wrt` with those of the oracle, where the value is right, which `right`
    asks."""
    asked, args = call(name, **arguments), list(arguments.values())
    sources = [argument.clone().requires_grad_(i in wrt) for i, argument in enumerate(args)]
    value = function(*sources)
    cotangent = draw.normal(*value.shape)
    right(student, *args)
    want = torch.autograd.grad((value * cotangent).sum(), [sources[i] for i in wrt])
    got = student.gradient(name, *args, wrt=wrt, cotangent=cotangent).inputs
    for i, found, true in zip(wrt, got, want, strict=True):
        expect.derivative(found, true, asked=asked, of=list(arguments)[i], todo=todo, right=True)


def check_tidy(
    student: Student, name: str, shape: tuple[int, ...], right: Callable[[], object], **arguments: torch.Tensor
) -> None:
    """Check that a function of tensors answers rightly, which `right` asks, and does nothing else."""
    asked, chance = call(name, **arguments), fresh_chance(student)
    seen = student.inspect(name, *arguments.values())
    after = student.global_rng()
    expect.tensor(seen.value, shape, None, asked=asked)
    expect.varied(seen.value, asked=asked)
    right()
    expect.silent(seen, asked=asked)
    expect.surroundings_kept(seen, asked=asked)
    expect.inputs_kept(seen, arguments, asked=asked)
    expect.random_state_kept(chance, after, asked=asked, todo="Everything it needs is in its arguments.")


def check_generator(
    student: Student,
    sample: Callable[[Seed], object],
    seed: int,
    shape: tuple[int, ...],
    asked: str,
    alone: bool = True,
    same: str = SAID["not_random"],
    ignored: str = SAID["generator_ignored"],
) -> None:
    """Check what a generator promises; `alone`: also that the global one is left alone; `same`: what is said where all
    seeds give the same; `ignored`: where one seed gives two answers."""
    chance = fresh_chance(student)
    first, again, other = (expect.tensor(sample(Seed(s)), shape, None, asked=asked) for s in (seed, seed, seed + 1))
    if not torch.equal(first, again):
        raise Wrong(asked, "the same sample for the same seed", "another one", "", ignored)
    if torch.equal(first, other):
        raise Wrong(
            asked,
            "another sample for another seed",
            "the same one",
            "",
            same,
        )
    if alone:
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=SAID["global_used"])


def fresh_chance(student: Student) -> torch.Tensor:
    """Return the state of torch's global generator under a seed that no function sets: what seeds shows."""
    student.seed(UNUSUAL)
    return student.global_rng()


def manners(student: Student, sample: Callable[[Seed], object], seed: int) -> tuple[bool, bool]:
    """Return whether a sampling function leaves the global generator alone, and whether it follows the one it is
    given."""
    chance = fresh_chance(student)
    first, again, other = (attempt(lambda s=s: sample(Seed(s))) for s in (seed, seed, seed + 1))
    return torch.equal(chance, student.global_rng()), expect.identical(first, again) and not expect.identical(
        first, other
    )


def network(student: Student, name: str, latent_dim: int, dtype: torch.dtype = torch.float64) -> Handle:
    """Return a new encoder or decoder in evaluation mode."""
    module = student.new(name, latent_dim=latent_dim)
    module.to(dtype)
    module.eval()
    return module


def shake(module: Handle, draw: Draw) -> None:
    """Give a network random parameters, so that nothing depends on how it was initialised."""
    shapes = {name: value.shape for name, value in module.state().parameters.items() if value.is_floating_point()}
    module.load(
        {
            name: draw.normal(*s, scale=3 * math.sqrt(s[0] / max(1, s.numel())) if len(s) > 1 else 1.0)
            for name, s in shapes.items()
        }
    )


def images(draw: Draw, batch: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Return binary images of the assignment's size."""
    return draw.binary(batch, 1, 28, 28, dtype=dtype)


def encode(encoder: Handle, x: torch.Tensor, latent_dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return mu and log_var of a student's encoder, checked for kind."""
    asked = call("encoder", x=x)
    mu, log_var = expect.pair(encoder(x), asked=asked)
    shape, todo = (len(x), latent_dim), "One row for every image, one column for every latent dimension."
    return tuple(expect.tensor(item, shape, x.dtype, asked=asked, todo=todo) for item in (mu, log_var))


def decode(decoder: Handle, z: torch.Tensor) -> torch.Tensor:
    """Return the logits of a student's decoder, checked for kind."""
    todo = "z may have one axis more, (K, B, D): keep all axes but the last."
    return expect.tensor(decoder(z), (*z.shape[:-1], 1, 28, 28), z.dtype, asked=call("decoder", z=z), todo=todo)


def agree(first: torch.Tensor, second: torch.Tensor) -> bool:
    """Return whether two results of a network are equal up to rounding."""
    return bool((first - second).abs().max() <= 1e-6 * second.abs().max())


def tensors_in(value: object) -> list[torch.Tensor]:
    """Return the tensors and floats of an answer, whatever it packs them into, in double precision."""
    if isinstance(value, float):
        return [torch.tensor(value, dtype=torch.float64)]
    if isinstance(value, torch.Tensor):
        return [value.detach().double()]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, (tuple, list)) else ()
    return [tensor for item in items for tensor in tensors_in(item)]


def check_trains(
    student: Student,
    module: Handle,
    inputs: torch.Tensor,
    asked: str,
    of: str,
    *,
    part: int | None = None,
    deep: bool = True,
) -> None:
    """Check that a gradient reaches the network's parameters; `deep`: its input too, or more than the last layer."""
    options = {} if part is None else {"part": part}
    found = student.gradient((module, ""), inputs, wrt=(0,), parameters_of=module, **options)
    reached = [g for g in found.parameters.values() if g is not None and bool(g.any())]
    layers = sum(g.dim() > 1 for g in reached)
    back = found.inputs[0] is not None and bool(found.inputs[0].any())
    if not reached or (deep and layers < 2 and not back):
        got = "none, or one for the last layer only" if deep else "none"
        raise Wrong(asked, f"a gradient of {of} for the parameters", got, "", SAID["detached"])


def check_sees(encoder: Handle, x: torch.Tensor, draw: Draw, latent_dim: int) -> None:
    """Check that mu differs between images, as made or with other parameters: one answer for all answers nothing."""
    other = torch.cat([x[:1], 1 - x[:1]])
    made, _ = encode(encoder, other, latent_dim)
    shake(encoder, draw)
    mu, _ = encode(encoder, other, latent_dim)
    if all(agree(each[:1].expand(2, -1), each) for each in (made, mu)):
        asked, todo = call("encoder", x=other), "Is x used on the way to mu?"
        raise Wrong(asked, "mu to differ between images", "one mu for all: it does not depend on the inputs", todo)


def check_hears(decoder: Handle, z: torch.Tensor, draw: Draw) -> None:
    """Check that logits differ between codes, as made or with other parameters: one answer for all answers nothing."""
    other = torch.cat([z[:1], z[:1] + 2])
    made = decode(decoder, other)
    shake(decoder, draw)
    logits = decode(decoder, other)
    if all(agree(each[:1].expand(2, -1, -1, -1), each) for each in (made, logits)):
        asked, todo = call("decoder", z=other), "Is z used on the way to the logits?"
        came = "the same for all codes: they do not depend on the inputs"
        raise Wrong(asked, "logits that differ between codes", came, todo)


def check_certain(student: Student, toy: AffineModel, n: int, dtype: torch.dtype, draw: Draw) -> None:
    """Check samples of a model whose every pixel is certain, as the student's own bernoulli_sample marks pixels."""
    bias = EXTREME * (2 * draw.binary(toy.pixels, dtype=dtype) - 1)
    certain = at_prior(toy).changed(bias=bias)
    asked = call("vae.sample", n=n) + ", model whose logits are all ±10,000"
    got = drawn_images(student, installed(student, certain).sample(n), n, None, asked)
    want = (bias > 0).reshape(toy.shape).expand(got.shape)
    logits = bias.reshape(toy.shape).expand(got.shape).clone()
    own = attempt(lambda: student.bernoulli_sample(logits))
    if not any(torch.equal(ones, want) for ones in readings(student, got)) and not (
        expect.varies(own) and expect.identical(own, got)
    ):
        raise Wrong(asked, "1 where the logit is 10,000 and 0 where it is -10,000", "something else", "")


def reseeds(student: Student, function: Callable[[], object], draw: Draw) -> bool:
    """Return whether a call sets the seed of torch's global generator: what is drawn next ignores the seed from before,
    or comes from the clock."""
    seed, states = draw.seed(), []
    for value in (seed, seed, seed + 1):
        student.seed(value)
        function()
        states.append(student.global_rng())
    return torch.equal(states[0], states[2]) or not torch.equal(states[0], states[1])


def check_seeding(student: Student, function: Callable[[], object], draw: Draw, asked: str) -> None:
    """Check that a function without a generator of its own draws from torch's global one, and does not seed it."""
    if reseeds(student, function, draw):
        raise Wrong(asked, "torch's global generator to keep its seed", "one that was seeded", "", SAID["reseeded"])


def check_models_kept(
    student: Student,
    toy: AffineModel,
    inspect: Callable[[Handle], Inspection],
    asked: str,
    *,
    build: Callable[[Student, AffineModel], Handle] | None = None,
    earlier: "Earlier | None" = None,
    draws: bool = False,
) -> None:
    """Check that a call leaves a model as it was, whatever mode its parts are in, and that batch norm and dropout do
    nothing in one that is in evaluation mode.

    Args:
        inspect: asks about a model. build: places the toy, as a plain model where none is given.
        earlier: what the student's earlier functions do besides answering: that is judged with them.
        draws: the answer is random.
    """
    build = build or placed
    for modes in MODES:
        model = build(student, toy)
        model.train() if modes[0] else model.eval()
        for part, training in zip(("encoder", "decoder"), modes[1:], strict=True):
            handle = model.attribute(part)
            handle.train() if training else handle.eval()
        before = model.state()
        seen = inspect(model)
        if earlier is None or not earlier.changes_modes:
            expect.state_kept(before, model.state(), asked=asked)
        if earlier is None or not earlier.changes_surroundings:
            expect.surroundings_kept(seen, asked=asked)
    model = build(student, toy)
    want = None if draws else inspect(model).value
    again = None if draws else inspect(model).value
    steady = not draws and len(tensors_in(want)) == len(tensors_in(again))
    steady = steady and all(map(torch.equal, tensors_in(want), tensors_in(again)))
    encoder, decoder, _ = parts_of(student, toy)
    model.assign(encoder=student.sensitive(encoder, toy.pixels), decoder=student.sensitive(decoder, toy.latent_dim))
    model.eval()
    before, chance = model.state(), fresh_chance(student)
    seen, asked = inspect(model), asked + ", model with batch norm and dropout in evaluation mode"
    if earlier is not None and earlier.changes_modes:
        return
    if steady:
        values = tensors_in(seen.value), tensors_in(want)
        if len(values[0]) != len(values[1]) or not all(map(expect.equal, *values)):
            todo = "The model was handed over in evaluation mode: leave it there."
            raise Wrong(asked, "the answer of the same model without them", "another one", todo, SAID["mode_during"])
    if steady and (earlier is None or not earlier.draws):
        todo = "The model was handed over in evaluation mode: leave it there during the call, too."
        expect.random_state_kept(chance, student.global_rng(), asked=asked, todo=todo)
    expect.state_kept(before, model.state(), asked=asked)


def check_no_gradient(student: Student, name: str, model: Handle, *args: object, asked: str) -> None:
    """Check that no gradient of a function's answer reaches the model: one that is zero throughout counts as none."""
    reached = student.gradient(name, model, *args, wrt=(), parameters_of=model).parameters.values()
    if any(gradient is not None and bool(gradient.any()) for gradient in reached):
        raise Wrong(
            asked, "a result without gradient", "one whose gradient reaches the model", "", SAID["gradient_left"]
        )


def parts_of(student: Student, toy: AffineModel) -> tuple[Handle, Handle, Handle | None]:
    """Build a toy's encoder, decoder and prior on the student's side."""
    encoder = student.affine_encoder(toy.weight_mu, toy.bias_mu, toy.weight_log_var, toy.bias_log_var)
    decoder = student.affine_decoder(toy.weight, toy.bias, toy.shape)
    return encoder, decoder, student.gaussian_prior(*toy.prior) if toy.prior is not None else None


def placed(student: Student, toy: AffineModel) -> Handle:
    """Build a toy as a plain model."""
    encoder, decoder, prior = parts_of(student, toy)
    return student.model(encoder, decoder, prior, latent_dim=toy.latent_dim)


def installed(student: Student, toy: AffineModel) -> Handle:
    """Return a VAE of the student's with a toy's encoder, decoder and prior put in place of its own."""
    vae = student.new("VAE", latent_dim=toy.latent_dim)
    encoder, decoder, prior = parts_of(student, toy)
    vae.assign(encoder=encoder, decoder=decoder, prior=prior)
    vae.to(toy.weight.dtype)
    vae.eval()
    return vae


def at_prior(toy: AffineModel) -> AffineModel:
    """Return the toy with q(z|x) = p(z) and logits that ignore z: its bound is the reconstruction term, whatever the
    noise."""
    mean, log_var = toy.prior or (torch.zeros_like(toy.bias_mu), torch.zeros_like(toy.bias_mu))
    none = torch.zeros_like(toy.weight_mu)
    return toy.changed(
        weight_mu=none, bias_mu=mean, weight_log_var=none, bias_log_var=log_var, weight=torch.zeros_like(toy.weight)
    )


def tense(draw: Draw, prior: bool) -> AffineModel:
    """Return a toy of two pixels whose bound depends strongly on how the noise of two latent dimensions combines."""
    size = draw.uniform(2, 2, low=1.8, high=2.4)
    toy = AffineModel.drawn(draw, 2, (1, 1, 2))
    log_var = draw.uniform(2, low=-0.2, high=0.2)
    toy = toy.changed(weight=size * torch.tensor([[1.0, -1.0], [1.0, -1.0]], dtype=torch.float64), bias=0.2 * toy.bias)
    toy = toy.changed(weight_log_var=torch.zeros_like(toy.weight_log_var), bias_log_var=log_var)
    return toy.changed(prior=(toy.bias_mu + 1.0, log_var)) if prior else toy


def dividing(first: torch.Tensor, second: torch.Tensor) -> AffineModel:
    """Return a toy whose pixels say on which side of three cuts each of its two latent coordinates lies."""
    sides = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3, dtype=torch.float64)
    none = torch.zeros(2, 6, dtype=torch.float64)
    return AffineModel(
        none, none[:, 0], none, none[:, 0], EXTREME * sides, -EXTREME * torch.cat([first, second]), SHAPE
    )


def check_reconstruct(student: Student, toy: AffineModel, x: torch.Tensor) -> torch.Tensor:
    return expect.close(
        student.reconstruct(placed(student, toy), x),
        torch.sigmoid(toy.decode(toy.encode(x)[0])),
        asked=call("reconstruct", model=..., x=x),
        hint=lambda got: (
            mistakes.recognise("reconstruct", got, toy, x)
            or expect.unsteady(lambda: student.reconstruct(placed(student, toy), x), got)
        ),
        todo="Encode, decode the mean, turn logits into probabilities.",
        example=lambda: public.example(student, "reconstruct", placed),
        shape_todo="One image for every image.",
    )


def noise_hint(toy: AffineModel, x: torch.Tensor, losses: list[float], copies: int, draw: Draw) -> str:
    """Return what is known about losses of one image many times that are far from their expectation."""
    truth, tolerance = -float(toy.expected_elbo(x)), 6 * toy.lipschitz(x) / math.sqrt(copies)
    if all(abs(loss + truth) <= tolerance for loss in losses):
        return mistakes.NEGATIVE_ELBO[0].say
    if max(losses) - min(losses) > 2 * tolerance:
        return SAID["eps_shared"]
    both = draw.normal(copies, 1).expand(copies, 2)  # one number for both dimensions
    shared = -float(toy.elbo(x.expand(copies, *x.shape[1:]), both).mean())
    if all(abs(loss - shared) <= 2 * tolerance for loss in losses):
        return SAID["eps_shared"]
    noises = (draw.uniform(copies, 2), draw.uniform(copies, 2, low=-1), 0.1 * both, 0 * both)
    for noise in noises:
        other = -float(toy.elbo(x.expand(copies, *x.shape[1:]), noise).mean())
        if all(abs(loss - other) <= 2 * tolerance for loss in losses):
            return SAID["noise_distribution"]
    return ""


def check_step(
    student: Student,
    model: Handle,
    weight: torch.Tensor,
    x: torch.Tensor,
    rate: float,
    left: torch.Tensor,
    when: str = "",
) -> None:
    """Check the parameters of `quadratic_loss` after one call with plain gradient descent."""
    mean = x.flatten(1).mean(0)
    expect.close(
        model.state().parameters["weight"],
        weight - rate * (weight - mean),
        asked=f"the parameters after train_step(model, optimizer, x){when}",
        hint=lambda got: (
            mistakes.recognise("train_step", got, weight, mean, rate, left)
            or mistakes.recognise("train_steps", got, weight, mean[None], "SGD", {"lr": rate})
        ),
        todo=(
            "Clear the gradient, compute the loss, go backward, take one step: in training mode, each once, in "
            "this order."
        ),
        example=lambda: public.example(student, "train_step"),
    )


def check_steps(student: Student, weight: torch.Tensor, batches: torch.Tensor, kind: str, options: dict) -> None:
    """Check the parameters of `quadratic_loss` after several calls, against the optimizer of torch itself."""
    model = student.quadratic_loss(weight)
    model.train()
    optimizer = student.optimizer(kind, model, **options)
    own = weight.clone().requires_grad_(True)
    truth = getattr(torch.optim, kind)([own], **options)
    for x in batches:
        student.train_step(model, optimizer, x)
        truth.zero_grad()
        (0.5 * ((own - x.flatten(1).mean(0)) ** 2).sum()).backward()
        truth.step()
    means = batches.flatten(2).mean(1)
    shown = ", ".join(f"{name}={value:g}" for name, value in options.items())
    expect.close(
        model.state().parameters["weight"],
        own.detach(),
        asked=f"the parameters after {len(batches)} calls of train_step(model, optimizer, x), optimizer {kind}({shown})",
        hint=lambda got: mistakes.recognise("train_steps", got, weight, means, kind, options),
        todo="Use the optimizer that you are given, and the gradient as it comes.",
        example=lambda: public.example(student, "train_step"),
    )


def check_loss(
    student: Student, toy: AffineModel, x: torch.Tensor, vae: Handle, draw: Draw, reduction: str, options: dict
) -> None:
    """Compare a loss with the formula for a toy whose bound does not depend on the noise, or with the student's own
    bound."""
    batch = len(x)
    noise = torch.zeros(batch, 2, dtype=x.dtype)
    bounds = toy.elbo(x, noise)
    expect.close(
        vae(x, **options),
        -getattr(bounds, reduction)(),
        asked=call("vae", x=x, **options),
        also=own_losses(vae, x, draw.normal(batch, 2), reduction),
        hint=lambda got: (
            mistakes.recognise("negative_elbo", got, bounds, reduction)
            or mistakes.recognise("negative_elbo", got, attempt(lambda: vae.elbo(x, noise)), reduction)
        ),
        todo="It is the negative of `elbo`, reduced over the images.",
        example=lambda: public.example(student, "negative_elbo", installed),
        shape_todo="A loss is one number.",
    )


def readings(student: Student, got: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield which pixels are on: ones and, if the student's own bernoulli_sample marks them otherwise, its marks."""
    logits = torch.tensor([-EXTREME, EXTREME], dtype=torch.float64)[:, None, None, None].expand(2, *SHAPE).clone()
    own = attempt(lambda: student.bernoulli_sample(logits))
    marks = [(0.0, 1.0)]
    if isinstance(own, torch.Tensor) and own.shape == logits.shape:
        marks.append(tuple(own.detach().double().flatten(1)[:, 0].tolist()))
    for off, on in dict.fromkeys(marks):
        if off != on and bool(((got >= min(off, on) - 1e-6) & (got <= max(off, on) + 1e-6)).all()):
            yield (got - on).abs() < (got - off).abs()


def drawn_images(
    student: Student, got: object, n: int, dtype: torch.dtype | None, asked: str, gradient: bool | None = None
) -> torch.Tensor:
    """Return what `sample` gave, checked for kind; a dtype that bernoulli_sample has brought in is judged there."""
    if isinstance(got, torch.Tensor) and not got.is_floating_point():
        own = attempt(lambda: student.bernoulli_sample(torch.zeros(1, *SHAPE, dtype=dtype or torch.float64), Seed(0)))
        got = got.to(dtype or torch.float64) if isinstance(own, torch.Tensor) and own.dtype == got.dtype else got
    return expect.tensor(got, (n, *SHAPE), dtype, asked=asked, gradient=gradient)


# --- what earlier functions of the same submission make of it ---------------------------------------------------------


def check_elbo(
    student: Student,
    toy: AffineModel,
    x: torch.Tensor,
    eps: torch.Tensor,
    *,
    vae: Handle | None = None,
    made: str = "",
    averages_own: bool = False,
) -> torch.Tensor:
    """Compare a bound with the formula, or with the formula made of the student's own earlier functions."""
    vae = vae or installed(student, toy)
    got = vae.elbo(x, eps)
    if infinite(got) and earlier_infinite(student, toy, x, eps):
        return got.detach()

    def others():
        yield from compositions(student, toy, x, eps)
        if averages_own:
            single = [attempt(lambda k=k: vae.elbo(x, eps[k])) for k in range(len(eps))]
            if all(
                isinstance(value, torch.Tensor) and value.shape == (len(x),) and value.dtype == x.dtype
                for value in single
            ) and expect.varies(torch.stack(single)):
                yield torch.stack(single).detach().mean(0)

    return expect.close(
        got,
        toy.elbo(x, eps),
        asked=made + call("vae.elbo", x=x, eps=eps),
        also=others(),
        hint=lambda got: (
            mistakes.underflown(got)
            or mistakes.recognise("elbo", got, toy, x, eps)
            or mistakes.recognise("elbo", got, Own(**vars(toy), functions=OwnFunctions(student)), x, eps)
            or expect.unsteady(lambda: vae.elbo(x, eps), got)
        ),
        todo="Compare each of its terms with the text.",
        example=lambda: public.example(student, "elbo", installed),
        shape_todo="One bound for every image.",
    )


def infinite(value: object) -> bool:
    """Return whether a value is a tensor that is not finite somewhere."""
    return isinstance(value, torch.Tensor) and value.is_floating_point() and not bool(torch.isfinite(value).all())


def earlier_infinite(student: Student, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> bool:
    """Return whether a density of the student's own is infinite where it is not: that is judged with it."""
    mu, log_var = toy.encode(x)
    z = oracles.reparameterize(mu, log_var, eps)
    calls = {"gaussian_log_prob": (z, mu, log_var), "bernoulli_log_prob": (x, toy.decode(z))}
    return any(infinite(attempt(lambda n=name, a=args: student.call(n, *a))) for name, args in calls.items())


def compositions(student: Student, toy: AffineModel, x: torch.Tensor, eps: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield bounds of a toy put together from the student's own functions, each taken over or written out rightly."""
    mu, log_var = toy.encode(x)
    for z in own_or_true(student, "reparameterize", mu, log_var, eps):
        logits = possible(lambda z=z: toy.decode(z))
        if logits is None:
            continue
        if toy.prior is None:
            divergences = list(own_or_true(student, "kl_standard_normal", mu, log_var))
        else:
            densities = own_or_true(student, "gaussian_log_prob", z, mu, log_var)
            divergences = [possible(lambda d=d, z=z: d - toy.prior_log_prob(z)) for d in densities]
        for reconstruction in own_or_true(student, "bernoulli_log_prob", x, logits):
            for divergence in divergences:
                value = possible(lambda r=reconstruction, d=divergence: r - d)
                if value is not None:
                    yield value.mean(0) if eps.dim() == 3 and value.dim() > 0 else value


def own_or_true(student: Student, name: str, *args: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield what the student's function answers, if finite and not constant, and what the formula gives."""
    own = attempt(lambda: student.call(name, *args))
    elsewhere = attempt(
        lambda: student.call(name, *(1 - a if bool(((a == 0) | (a == 1)).all()) else 0.7 * a + 0.3 for a in args))
    )
    if (
        isinstance(own, torch.Tensor)
        and own.is_floating_point()
        and bool(torch.isfinite(own).all())
        and not expect.identical(own, elsewhere)
    ):
        yield own.detach()
    true = possible(lambda: getattr(oracles, name)(*args))
    if true is not None:
        yield true


def possible(function: Callable[[], torch.Tensor]) -> torch.Tensor | None:
    """Return what the function returns, or None where shapes do not fit."""
    try:
        return function()
    except (RuntimeError, ValueError, TypeError, IndexError):
        return None


def settled(student: Student, toy: AffineModel) -> AffineModel:
    """Return the toy, or where the student's reparameterize draws noise of its own, one whose bound does not depend on
    noise."""
    zeros = torch.zeros(2, 3, dtype=torch.float64)
    first, again = (attempt(lambda: student.reparameterize(zeros, zeros, zeros + 1)) for _ in range(2))
    random = isinstance(first, torch.Tensor) and isinstance(again, torch.Tensor) and not expect.identical(first, again)
    return (
        at_prior(toy) if random and toy.prior else toy.changed(weight=torch.zeros_like(toy.weight)) if random else toy
    )


def own_bounds(vae: Handle, x: torch.Tensor, eps: torch.Tensor) -> torch.Tensor | None:
    """Return what the student's own `elbo` answers, if that looks at the images."""
    own, elsewhere = (attempt(lambda images=images: vae.elbo(images, eps)) for images in (x, 1 - x))
    if not isinstance(own, torch.Tensor) or not own.is_floating_point() or expect.identical(own, elsewhere):
        return None
    return own.detach()


def own_losses(vae: Handle, x: torch.Tensor, eps: torch.Tensor, reduction: str) -> Iterator[torch.Tensor]:
    """Yield the loss that the student's own `elbo` leads to."""
    own = own_bounds(vae, x, eps)
    if own is not None:
        yield -getattr(own, reduction)()


def bound(vae: Handle, x: torch.Tensor, eps: torch.Tensor, asked: str) -> torch.Tensor:
    """Return the student's bounds, checked for kind."""
    return expect.tensor(vae.elbo(x, eps), (len(x),), x.dtype, asked=asked)


def moved(
    owner: Handle, name: str, direction: torch.Tensor, function: Callable[[], torch.Tensor]
) -> Callable[[float], torch.Tensor]:
    """Return the function's value as a function of a step of one parameter; the parameter goes back to where it was."""
    value = owner.state().parameters[name].detach()

    def stepped(step: float) -> torch.Tensor:
        owner.load({name: value + step * direction})
        result = function()
        owner.load({name: value})
        return result

    return stepped


class OwnFunctions:
    """A student's functions that `elbo` is made of, for recognising a second mistake behind a first; each input is
    asked once. They raise ValueError where they answer no finite tensor."""

    def __init__(self, student: Student):
        self._student, self._seen = student, {}

    def __getattr__(self, name: str) -> Callable[..., torch.Tensor]:
        def function(*args):
            key = (name, *(argument.detach().numpy().tobytes() for argument in args))
            if key not in self._seen:
                self._seen[key] = attempt(lambda: self._student.call(name, *args))
            value = self._seen[key]
            if not isinstance(value, torch.Tensor) or infinite(value):
                raise ValueError(f"{name} answers no finite tensor")
            return value.detach()

        return function


@dataclass(frozen=True)
class Own(AffineModel):
    """A toy whose terms are made of a student's own functions."""

    functions: OwnFunctions | None = None


class Earlier:
    """What the student's functions that a function builds on do besides answering: that is judged with them.

    Args:
        modes: whether `elbo` changes the modes of a model, where that is an earlier function.
    """

    def __init__(self, student: Student, draw: Draw, modes: bool = False):
        self.changes_modes, self.changes_surroundings = modes, False
        mu, log_var, eps = gaussians(draw, 5, 2)
        x, logits = draw.binary(5, *SHAPE), draw.normal(5, *SHAPE)
        calls = {
            "reparameterize": (mu, log_var, eps),
            "gaussian_log_prob": (eps, mu, log_var),
            "kl_standard_normal": (mu, log_var),
            "bernoulli_log_prob": (x, logits),
            "bernoulli_sample": (logits,),
        }
        self.prints = self.changes_inputs = self.draws = False
        for name, args in calls.items():
            chance, copies = fresh_chance(student), [argument.clone() for argument in args]
            seen = attempt(lambda name=name, args=copies: student.inspect(name, *args))
            if seen is not None:
                self.prints |= bool(seen.printed)
                self.changes_inputs |= not all(map(expect.identical, args, seen.arguments))
                self.draws |= not torch.equal(chance, student.global_rng())
                self.changes_surroundings |= bool(seen.surroundings)

    @staticmethod
    def modes(student: Student, toy: AffineModel, x: torch.Tensor, draw: Draw) -> bool:
        """Return whether the student's own `elbo` changes a model that it is asked about."""
        vae = installed(student, toy)
        for part in ("encoder", "decoder"):
            vae.attribute(part).train()
            before = vae.state()
            attempt(lambda: vae.elbo(x, draw.normal(len(x), toy.latent_dim)))
            if expect.changes(before, vae.state()) is not None:
                return True
        return False


def earlier_gradients_broken(student: Student, draw: Draw) -> bool:
    """Return whether a gradient of a function that `elbo` builds on disagrees with the finite differences of its own
    values."""
    mu, log_var, eps = gaussians(draw, 5, 2)
    x, logits = draw.binary(5, *SHAPE), draw.normal(5, *SHAPE)
    calls = {
        "reparameterize": ((mu, log_var, eps), (0, 1)),
        "gaussian_log_prob": ((eps, mu, log_var), (0, 1, 2)),
        "kl_standard_normal": ((mu, log_var), (0, 1)),
        "bernoulli_log_prob": ((x, logits), (1,)),
    }
    for name, (args, wrt) in calls.items():
        for i in wrt:
            direction = draw.normal(*args[i].shape)
            found = attempt(lambda name=name, args=args, i=i: student.gradient(name, *args, wrt=(i,)))

            def stepped(step, name=name, args=args, i=i, direction=direction):
                return student.call(name, *args[:i], args[i] + step * direction, *args[i + 1 :]).detach().sum()

            want = attempt(lambda stepped=stepped: oracles.slope(stepped))
            if found is None or want is None or found.inputs[0] is None:
                return True
            if not expect.equal((found.inputs[0] * direction).sum(), want):
                return True
    return False
