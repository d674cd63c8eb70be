"""Hidden tests of the assignment on learnable priors, exercise by exercise.

As in the suite of `vae`, a test asks `student` for one behaviour on inputs from `draw`, and the truth comes from
`oracles`. An early mistake costs once:

- log|det| of a layer is also right where it is that of the student's own map, and an inverse where the student's own
  layer takes it back to y. A layer that does not bend proves nothing and does not count as one's own.
- A flow prior is also right where it is what the student's own layers make of it.
- What K samples or float32 do is judged against the student's own answers as well: the formula is judged elsewhere.
- mixture_sample is judged on parameters, without log_prob; monte_carlo_elbo with the student's own log_prob.

Shapes: B codes, K samples, D latent dimensions, C components. Random results are compared at a false-alarm rate of
1e-9 a test.
"""

import functools

import torch

from autograder.judging import expect, mistakes, oracles, statistics
from autograder.judging.expect import Wrong, attempt, call
from autograder.judging.mistakes import SAID
from autograder.judging.oracles import AffineModel, Flow, Mixture, Planar
from autograder.judging.rubric import worth
from autograder.kernel.failures import StudentError
from autograder.suite.priors import (
    ENOUGH,
    answer,
    bends,
    bound,
    check_bound,
    check_derivative,
    check_flow,
    check_gradients,
    check_inverse,
    check_layer,
    check_mass,
    check_mixture,
    check_parameters,
    check_sample,
    check_tidy,
    composed,
    densities,
    flow_hint,
    flow_prior,
    judge,
    mixture_prior,
    own_layers,
    own_volume,
    part,
    planar_flow,
    rounded,
    sampled,
    settled,
    slices,
    through,
    untidy,
)
from autograder.suite.test_vae import (
    COLOURED,
    NARROW,
    SHAPE,
    check_generator,
    check_models_kept,
    fresh_chance,
    moved,
    placed,
)

SIZES = ((5, 3, 2), (1, 2, 3), (4, 4, 4), (3, 1, 2), (2, 5, 1))  # (B, C, D): equal sizes, and each of them one
POINTS = ((5, 3), (1, 2), (4, 4), (6, 1))  # (B, D)
SAMPLES = ((3, 5, 2), (1, 4, 3), (4, 4, 4), (3, 1, 2))  # (K, B, D)


# --- mixture_log_prob -------------------------------------------------------------------------------------------------


@worth("mixture_log_prob", 3)
def test_mixture_log_prob_is_the_log_density(student, draw):
    """log p(z) = log Σ_c softmax(logits)_c N(z; loc_c, diag exp log_var_c), one value for every code."""
    for batch, components, latent_dim in SIZES:
        mixture = Mixture.drawn(draw, components, latent_dim)
        check_mixture(student, mixture, draw.normal(batch, latent_dim, scale=1.5))
    narrow = Mixture.drawn(draw, 3, 2).changed(log_var=draw.uniform(3, 2, low=-NARROW, high=NARROW))
    check_mixture(student, narrow, narrow.loc + 0.01 * draw.normal(3, 2))


@worth("mixture_log_prob")
def test_mixture_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K, B, D and the number of components are equal."""
    for samples, batch, latent_dim in SAMPLES:
        mixture, z = Mixture.drawn(draw, 4, latent_dim), draw.normal(samples, batch, latent_dim)
        prior = mixture_prior(student, mixture)
        check_mixture(student, mixture, z, also=slices(prior.log_prob, z, (batch,)))


@worth("mixture_log_prob")
def test_mixture_log_prob_integrates_to_one(student, draw):
    """The density integrates to one, in one and in two latent dimensions."""
    for latent_dim, points in ((1, 801), (2, 321)):
        mixture = Mixture.drawn(draw, 3, latent_dim)
        prior = mixture_prior(student, mixture)
        check_mass(
            prior,
            latent_dim,
            points,
            lambda got, z, mixture=mixture: mistakes.recognise("mixture_log_prob", got, z, mixture),
        )


@worth("mixture_log_prob")
def test_mixture_log_prob_depends_on_what_logits_and_components_mean(student, draw):
    """Adding one number to all logits changes nothing, nor does another order of the components."""
    mixture, z = Mixture.drawn(draw, 4, 2), draw.normal(5, 2)
    order = torch.tensor([2, 0, 3, 1])
    shifted = mixture.changed(logits=mixture.logits + draw.uniform(low=1.0, high=3.0))
    ordered = Mixture(*(value[order] for value in mixture.parameters.values()))
    asked = call("prior.log_prob", z=z)
    first, *others = (densities(mixture_prior(student, m), z, asked) for m in (mixture, shifted, ordered))
    expect.varied(first, asked=asked)
    for got, what in zip(others, ("the logits have grown by one number", "the components are reordered"), strict=True):
        if not expect.equal(got, first):
            hint = mistakes.recognise("mixture_log_prob", first, z, mixture)
            raise Wrong(asked, f"the same values after {what}", "others", "Are the weights a softmax?", hint)


@worth("mixture_log_prob")
def test_mixture_log_prob_is_exact_for_extreme_logits(student, draw):
    """A component of a very small weight still rules the density where no other one reaches, in float64 and
    float32."""
    for dtype in (torch.float64, torch.float32):
        for logits in ([0.0, -40.0], [300.0, 230.0]):
            mixture = Mixture.drawn(draw, 2, 2, dtype)
            far = mixture.loc[:1] + 60 * torch.tensor([1.0, -1.0], dtype=dtype)
            mixture = mixture.changed(logits=torch.tensor(logits, dtype=dtype), loc=torch.cat([mixture.loc[:1], far]))
            check_mixture(student, mixture, far + draw.normal(4, 2, scale=0.5, dtype=dtype))


@worth("mixture_log_prob")
def test_mixture_log_prob_is_exact_far_away(student, draw):
    """It is finite and exact a thousand standard deviations away from all components, where every density underflows
    to zero."""
    for dtype in (torch.float64, torch.float32):
        mixture, z = Mixture.drawn(draw, 3, 2, dtype), draw.normal(4, 2, scale=200.0, shift=1000.0, dtype=dtype)
        check_mixture(student, mixture, z, todo="Densities round to zero here: stay with logarithms.")


@worth("mixture_log_prob")
def test_mixture_log_prob_passes_gradients(student, draw):
    """The gradient reaches z, logits, loc and log_var."""
    mixture, z = Mixture.drawn(draw, 3, 2), draw.normal(2, 5, 2)
    prior = mixture_prior(student, mixture)
    check_mixture(student, mixture, z)
    check_gradients(student, prior, "log_prob", mixture.parameters, lambda z, p: Mixture(**p).log_prob(z), draw, z=z)


@worth("mixture_log_prob")
def test_mixture_log_prob_keeps_float32(student, draw):
    """Parameters and codes in float32 give a result in float32."""
    mixture, z = Mixture.drawn(draw, 3, 4, torch.float32), draw.normal(5, 4, dtype=torch.float32)
    double = Mixture(*(value.double() for value in mixture.parameters.values()))
    own = rounded(lambda: mixture_prior(student, double).log_prob(z.double()), z.shape[:-1])
    check_mixture(student, mixture, z, also=own)


@worth("mixture_log_prob")
def test_mixture_prior_has_its_parameters(student, draw):
    """MixturePrior(num_components, latent_dim) has the parameters logits (C,), loc (C, D) and log_var (C, D), and its
    components differ from the start."""
    asked = "MixturePrior(num_components=4, latent_dim=3)"
    prior = student.new("MixturePrior", num_components=4, latent_dim=3)
    found = check_parameters(prior, {"logits": (4,), "loc": (4, 3), "log_var": (4, 3)}, asked)
    rows = torch.cat([found["loc"], found["log_var"]], 1)
    if any(torch.equal(rows[i], rows[j]) for i in range(4) for j in range(i)):
        raise Wrong(
            asked, "components that differ from each other", "some that are equal", "", SAID["components_equal"]
        )


@worth("mixture_log_prob")
def test_mixture_log_prob_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither z nor the prior."""
    z, mixture = draw.normal(5, 2), Mixture.drawn(draw, 3, 2)
    prior = mixture_prior(student, mixture)
    check_tidy(student, prior, "log_prob", "prior.log_prob", right=lambda: check_mixture(student, mixture, z), z=z)


# --- mixture_sample ---------------------------------------------------------------------------------------------------


@worth("mixture_sample", 3)
def test_mixture_sample_draws_components_by_their_weights(student, draw):
    """Every code comes from one of the components, each with its weight (chi-square at a false-alarm rate of 1e-9)."""
    mixture = Mixture.apart(draw, 4, 2)
    got, asked = sampled(mixture_prior(student, mixture), mixture.loc.shape[1], draw)
    component, noise = mixture.standardized(got)
    if bool((noise.abs() > 12).any()):
        raise Wrong(
            asked,
            "codes that lie at one of the components",
            "some between them or elsewhere",
            "",
            SAID["components_averaged"],
        )
    counts = torch.bincount(component, minlength=4).double()
    weights = torch.softmax(mixture.logits, 0)
    hint = SAID["one_component"] if int((counts > 0).sum()) == 1 else ""
    hint = SAID["components_uniform"] if statistics.counts_agree(counts, torch.full_like(weights, 0.25)) else hint
    finding = statistics.counts_agree(counts, weights)
    expect.agrees(finding, asked=asked, expected="components in proportion to their weights", got="others", hint=hint)


@worth("mixture_sample", 3)
def test_mixture_sample_draws_from_the_component(student, draw):
    """Around its component's loc a code is normal with variances exp log_var, independently in every dimension (DKW
    bound at 1e-9)."""
    for components, latent_dim in ((3, 2), (1, 3)):
        mixture = Mixture.apart(draw, components, latent_dim)
        got, asked = sampled(mixture_prior(student, mixture), mixture.loc.shape[1], draw)
        component, noise = mixture.standardized(got)
        width = torch.exp(mixture.log_var[component] / 2)
        hint = SAID["components_averaged"] if bool((noise.abs() > 12).any()) else ""
        hint = SAID["variance_as_std"] if statistics.standard_normal(noise / width) else hint
        hint = SAID["width_ignored"] if statistics.standard_normal(noise * width) else hint
        hint = SAID["noise_missing"] if bool((noise.abs() < 1e-3).all()) else hint
        hint = SAID["noise_shared"] if bool((noise.std(0) < 1e-3).all()) and not hint else hint
        hint = SAID["noise_shared"] if latent_dim > 1 and torch.allclose(noise, noise[:, :1]) and not hint else hint
        expected = "codes that are normal around the component's loc, with its variances"
        expect.agrees(
            statistics.standard_normal(noise, statistics.ALPHA / 2),
            asked=asked,
            expected=expected,
            got="another distribution",
            hint=hint,
        )


@worth("mixture_sample")
def test_mixture_sample_draws_codes_independently(student, draw):
    """Codes that follow each other share neither component nor noise (Chernoff bound at 1e-9)."""
    mixture = Mixture.apart(draw, 4, 2)
    got, asked = sampled(mixture_prior(student, mixture), mixture.loc.shape[1], draw)
    component, noise = mixture.standardized(got)
    expect.varied(noise, asked=asked)
    alike = (component[0::2] == component[1::2]).sum()[None]
    chance = (torch.softmax(mixture.logits, 0) ** 2).sum()[None]
    if len(component.unique()) > 1 and float(alike) > float(chance) * ENOUGH // 2:
        finding = statistics.proportions_are(alike, chance, ENOUGH // 2, statistics.ALPHA / 2)
        expected, came = "two neighbours to share their component as often as chance has it", "more often"
        expect.agrees(finding, asked=asked, expected=expected, got=came, hint=SAID["components_sorted"])
    same_side = ((noise[0::2] > 0) == (noise[1::2] > 0)).double().sum(0)
    half = torch.full((2,), 0.5, dtype=torch.float64)
    finding = statistics.proportions_are(same_side, half, ENOUGH // 2, statistics.ALPHA / 2)
    expected, came = "the noise of two neighbours to have one sign half of the time", "another share"
    hint = SAID["components_averaged"] if bool((noise.abs() > 12).any()) else SAID["noise_shared"]
    expect.agrees(finding, asked=asked, expected=expected, got=came, hint=hint)


@worth("mixture_sample", 2)
def test_mixture_sample_follows_its_generator(student, draw):
    """A generator makes components and noise reproducible, another seed gives others, and torch's global generator is
    left alone."""
    for mixture in (Mixture.apart(draw, 4, 2), Mixture.apart(draw, 1, 3)):
        prior, shape = mixture_prior(student, mixture), (50, mixture.loc.shape[1])
        asked = call("prior.sample", n=50, generator=...)
        check_generator(student, lambda g, p=prior: p.sample(50, generator=g), draw.seed(), shape, asked)


@worth("mixture_sample")
def test_mixture_sample_leaves_its_surroundings_alone(student, draw):
    """prior.sample(n) returns (n, D) in the parameters' dtype without gradient, also for n = 1, prints nothing and does
    not change the prior."""
    for n, components, latent_dim, dtype in ((1, 3, 2, torch.float64), (5, 2, 1, torch.float32)):
        prior = mixture_prior(student, Mixture.drawn(draw, components, latent_dim, dtype))
        check_sample(student, prior, n, latent_dim, dtype, draw)


# --- planar_flow ------------------------------------------------------------------------------------------------------


@worth("planar_flow", 3)
def test_planar_flow_moves_points(student, draw):
    """f(v) = v + û tanh(wᵀv + b), û being u moved along w so that wᵀû = softplus(wᵀu) - 1 (Rezende and Mohamed 2015,
    appendix A)."""
    for (batch, latent_dim), along in zip(POINTS, (2.0, -3.0, None, -1.0), strict=True):
        layer, v = Planar.drawn(draw, latent_dim, along), draw.normal(batch, latent_dim)
        check_layer(student, layer, v, parts=(0,))


@worth("planar_flow", 3)
def test_planar_flow_returns_its_change_of_volume(student, draw):
    """The second result is log|det ∂f/∂v|, one value for every point: that of the Jacobian matrix of f."""
    for batch, latent_dim in POINTS:
        layer, v = Planar.drawn(draw, latent_dim), draw.normal(batch, latent_dim)
        flow = planar_flow(student, layer)
        check_layer(student, layer, v, parts=(1,), also=(None, own_volume(flow, v)))


@worth("planar_flow")
def test_planar_flow_broadcasts_over_samples(student, draw):
    """With v of shape (K, B, D) it returns (K, B, D) and (K, B), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        layer, v = Planar.drawn(draw, latent_dim), draw.normal(samples, batch, latent_dim)
        flow = planar_flow(student, layer)
        own = [slices(lambda v, i=i, flow=flow: part(flow, v, i), v, s) for i, s in enumerate((v.shape[1:], (batch,)))]
        check_layer(student, layer, v, also=own)


@worth("planar_flow", 2)
def test_planar_flow_is_invertible_for_all_parameters(student, draw):
    """Along w the output only ever grows, however far wᵀu lies below -1: no two points are mapped to one."""
    for latent_dim, along in ((1, -4.0), (3, -3.0), (2, -8.0)):
        layer = Planar.drawn(draw, latent_dim, along)
        steps = torch.linspace(-6, 6, 601, dtype=torch.float64)
        v = draw.normal(latent_dim) + (steps[:, None] - layer.b) * layer.w / (layer.w @ layer.w)
        asked = call("flow", v=v) + f", wᵀu = {along:g}, v along w"
        moved_to, _ = answer(planar_flow(student, layer), v, asked)
        if not bends(v, moved_to):
            raise Wrong(asked, "a layer that bends the line", "one that only shifts it", "Where are u, w and b used?")
        if not bool((torch.diff(moved_to @ layer.w) > 1e-12).all()):
            known = mistakes.recognise("planar_flow", moved_to, layer, v)
            straight = torch.linalg.matrix_rank(moved_to - v, rtol=1e-6) == 1  # all points move along one line
            hint = known or (SAID["folded"] if straight and latent_dim > 1 else "")
            raise Wrong(asked, "wᵀf(v) that grows with wᵀv", "one that falls somewhere", "", hint)


@worth("planar_flow")
def test_planar_flow_is_exact_for_large_parameters(student, draw):
    """Output and log|det| are exact for wᵀu from -10 to 10, also where wᵀv + b = 0 and the change of volume is
    largest."""
    for latent_dim, along in ((2, -10.0), (3, 10.0), (1, -7.0)):
        layer = Planar.drawn(draw, latent_dim, along).changed(b=torch.zeros((), dtype=torch.float64))
        v = torch.cat([torch.zeros(1, latent_dim, dtype=torch.float64), draw.normal(4, latent_dim)])
        check_layer(
            student, layer, v, todo="Near wᵀû = -1 differences cancel: rearrange so that small terms are added."
        )


@worth("planar_flow")
def test_planar_flow_is_finite_for_all_parameters(student, draw):
    """Output, log|det| and their gradients stay finite for wᵀu of -100 and 100, in float64 and float32."""
    for dtype in (torch.float64, torch.float32):
        for along in (-100.0, 100.0):
            layer = Planar.drawn(draw, 2, along, dtype).changed(b=torch.zeros((), dtype=dtype))
            v = torch.cat([torch.zeros(1, 2, dtype=dtype), draw.normal(4, 2, dtype=dtype)])
            flow, asked = planar_flow(student, layer), call("flow", v=v) + f", wᵀu = {along:g}"
            todo = (
                "softplus underflows to 0 here: set a floor." if along < 0 else "Written out, softplus overflows here."
            )
            found = answer(flow, v, asked, infinite=todo)
            for values in (found[0], found[0] - v):
                expect.varied(values, asked=asked)
            for i in range(2):
                gradient = student.gradient((flow, ""), v, parameters_of=flow, part=i)
                values = (*gradient.inputs, *gradient.parameters.values())
                if not all(bool(torch.isfinite(g).all()) for g in values if g is not None):
                    raise Wrong(
                        asked, "finite gradients", "NaN or infinite numbers", "Where is a term divided by zero?"
                    )


@worth("planar_flow")
def test_planar_flow_passes_gradients(student, draw):
    """The gradients of f(v) and of log|det| reach v, u, w and b."""
    layer, v = Planar.drawn(draw, 2, 1.0), draw.normal(4, 2)
    flow = planar_flow(student, layer)
    check_layer(student, layer, v, also=(None, own_volume(flow, v)))
    for i, name in enumerate(("move", "log_det")):
        truth = functools.partial(lambda v, p, name: getattr(Planar(**p), name)(v), name=name)
        check_gradients(student, flow, "", layer.parameters, truth, draw, part=i, v=v)


@worth("planar_flow")
def test_planar_flow_keeps_float32(student, draw):
    """Parameters and points in float32 give results in float32."""
    layer, v = Planar.drawn(draw, 3, -1.0, torch.float32), draw.normal(5, 3, dtype=torch.float32)
    double = planar_flow(student, layer.double())
    shapes = (v.shape, v.shape[:-1])
    own = [rounded(lambda i=i: part(double, v.double(), i), shapes[i]) for i in range(2)]
    check_layer(student, layer, v, also=own)


@worth("planar_flow")
def test_planar_flow_has_its_parameters(student, draw):
    """PlanarFlow(latent_dim) has the parameters u (D,), w (D,) and b (), and w is not zero at the start."""
    asked = "PlanarFlow(latent_dim=3)"
    found = check_parameters(student.new("PlanarFlow", latent_dim=3), {"u": (3,), "w": (3,), "b": ()}, asked)
    if not bool(found["w"].any()):
        raise Wrong(
            asked, "a w that is not zero", "zeros", "Without a direction the layer is a shift. Draw w at random."
        )


@worth("planar_flow")
def test_planar_flow_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, changes neither v nor itself, and follows its parameters from call
    to call."""
    v = draw.normal(5, 2)
    layer = Planar.drawn(draw, 2)
    flow = planar_flow(student, layer)
    also = (None, own_volume(flow, v))
    check_tidy(student, flow, "", "flow", right=lambda: check_layer(student, layer, v, also=also), v=v)
    other = Planar.drawn(draw, 2)
    flow.load(other.parameters)
    asked = call("flow", v=v) + ", a second time with other parameters"
    if not expect.equal(answer(flow, v, asked)[0], answer(planar_flow(student, other), v, asked)[0]):
        raise Wrong(asked, "what a new layer with these parameters returns", "something else", "", SAID["kept_values"])


# --- planar_inverse ---------------------------------------------------------------------------------------------------


@worth("planar_inverse", 3)
def test_planar_inverse_undoes_the_layer(student, draw):
    """flow.inverse(y) is the point that the layer maps to y, for one point, for as many as dimensions, and for more."""
    for (batch, latent_dim), along in zip(POINTS, (2.0, -1.0, 3.0, -2.0), strict=True):
        layer = Planar.drawn(draw, latent_dim, along)
        check_inverse(student, layer, layer.move(draw.normal(batch, latent_dim)), 1e-5)


@worth("planar_inverse")
def test_planar_inverse_broadcasts_over_samples(student, draw):
    """With y of shape (K, B, D) it returns (K, B, D), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        layer, y = Planar.drawn(draw, latent_dim, 1.0), draw.normal(samples, batch, latent_dim)
        flow = planar_flow(student, layer)
        own = (each for each in slices(flow.inverse, y, y.shape[1:]) if each is not None and not expect.equal(each, y))
        check_inverse(student, layer, y, 1e-5, also=own)


@worth("planar_inverse", 3)
def test_planar_inverse_is_accurate(student, draw):
    """Its error is at most 1e-8 in float64, for wᵀu from -5 to 5 and coordinates of y up to 1000."""
    for latent_dim, along in ((3, -5.0), (2, 5.0), (1, -4.0), (4, 3.0)):
        layer = Planar.drawn(draw, latent_dim, along)
        size = 10 ** draw.uniform(100, 1, low=-1, high=3)
        steep = layer.move((draw.normal(50, 1, scale=0.1) - layer.b) * layer.w / (layer.w @ layer.w))
        y = torch.cat([size * draw.uniform(100, latent_dim, low=-1, high=1), steep])
        check_inverse(student, layer, y, 1e-8)


@worth("planar_inverse")
def test_planar_inverse_converges_for_large_parameters(student, draw):
    """It finds the root for wᵀu from -10 to 10 as well, to an error of 1e-5, wherever the search has to start."""
    for latent_dim, along in ((1, 10.0), (3, 8.0), (2, -10.0)):
        layer = Planar.drawn(draw, latent_dim, along)
        heights = torch.linspace(-12, 12, 97, dtype=torch.float64)[:, None]  # of wᵀy + b
        check_inverse(student, layer, (heights - layer.b) * layer.w / (layer.w @ layer.w), 1e-5)


@worth("planar_inverse")
def test_planar_inverse_keeps_float32(student, draw):
    """In float32 its error is at most 1e-3 and its result float32, for coordinates of y up to 10."""
    for along in (-4.0, 4.0):
        layer = Planar.drawn(draw, 3, along, torch.float32)
        check_inverse(student, layer, draw.uniform(100, 3, low=-10, high=10, dtype=torch.float32), 1e-3)


@worth("planar_inverse", 3)
def test_planar_inverse_passes_gradients(student, draw):
    """First derivatives reach y, u, w and b: those of the root, by the implicit function theorem."""
    for along in (1.5, -2.0):
        layer, y = Planar.drawn(draw, 2, along), draw.normal(4, 2)
        flow = planar_flow(student, layer)
        check_inverse(student, layer, y, 1e-5)
        check_gradients(student, flow, "inverse", layer.parameters, lambda y, p: Planar(**p).undo(y), draw, y=y)


@worth("planar_inverse")
def test_planar_inverse_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, and changes neither y nor the layer."""
    layer, y = Planar.drawn(draw, 2, 1.0), draw.normal(5, 2)
    flow = planar_flow(student, layer)
    blamed = untidy(student, flow, "", y)
    right = functools.partial(check_inverse, student, layer, y, 1e-5)
    check_tidy(student, flow, "inverse", "flow.inverse", right=right, blamed=blamed, y=y)


# --- flow_prior -------------------------------------------------------------------------------------------------------


@worth("flow_prior", 3)
def test_flow_log_prob_is_the_log_density(student, draw):
    """log p(z) is log N(f(z); 0, I) plus the layers' log|det|, f running through layers[0] first."""
    for (batch, latent_dim), flows in zip(((1, 3), (5, 3), (4, 4), (6, 1)), (2, 3, 1, 2), strict=True):
        check_flow(student, Flow.drawn(draw, flows, latent_dim), draw.normal(batch, latent_dim))
    check_flow(student, Flow.drawn(draw, 2, 2), draw.normal(4, 2, scale=60.0))  # where densities round to zero


@worth("flow_prior")
def test_flow_log_prob_broadcasts_over_samples(student, draw):
    """With z of shape (K, B, D) it returns (K, B), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in SAMPLES:
        flow, z = Flow.drawn(draw, 2, latent_dim), draw.normal(samples, batch, latent_dim)
        check_flow(student, flow, z, also=slices(flow_prior(student, flow).log_prob, z, (batch,)))


@worth("flow_prior", 2)
def test_flow_log_prob_integrates_to_one(student, draw):
    """The density integrates to one, in one and in two latent dimensions: whichever way the layers are read, they are
    read one way."""
    for latent_dim, points in ((1, 801), (2, 321)):
        flow = Flow.drawn(draw, 2, latent_dim)
        prior = flow_prior(student, flow)

        def hint(got, z, flow=flow, prior=prior):
            return flow_hint(got, flow, prior, z)

        check_mass(prior, latent_dim, points, hint, own=lambda z, p=prior: composed(own_layers(p, 2), z))


@worth("flow_prior", 3)
def test_flow_sample_follows_its_density(student, draw):
    """Sampling inverts the layers, the last one first: run through them, samples are standard normal noise (DKW bound
    at 1e-9)."""
    flow = Flow.drawn(draw, 2, 2)
    prior = flow_prior(student, flow)
    got, asked = sampled(prior, 2, draw)
    if statistics.standard_normal(flow.to_noise(got.double())):
        return
    layers = own_layers(prior, 2)
    own = settled(lambda: through(layers, got))
    if own is not None and bends(got, own) and statistics.standard_normal(own):
        return
    noise = draw.normal(ENOUGH, 2)
    undone = attempt(lambda: prior.attribute("layers.0").inverse(prior.attribute("layers.1").inverse(noise)))
    if (
        isinstance(undone, torch.Tensor)
        and undone.shape == noise.shape
        and statistics.same_distribution(got, undone.detach())
    ):
        return
    forward = [through(way, noise) for way in (flow.layers, flow.layers[::-1])]
    forward += [own] if (own := settled(lambda: through(layers, noise))) is not None else []
    in_order = flow.layers[1].inverse(flow.layers[0].inverse(noise))
    hint = SAID["sampled_in_order"] if statistics.same_distribution(got, in_order) else ""
    hint = SAID["sampled_forward"] if any(statistics.same_distribution(got, other) for other in forward) else hint
    hint = SAID["sampled_noise"] if statistics.standard_normal(got) else hint
    raise Wrong(asked, "samples that the layers map to standard normal noise", "others", "", hint)


@worth("flow_prior")
def test_flow_sample_follows_its_generator(student, draw):
    """A generator makes it reproducible, another seed gives another sample, and torch's global generator is left
    alone."""
    prior = flow_prior(student, Flow.drawn(draw, 2, 3))
    asked = call("prior.sample", n=50, generator=...)
    check_generator(student, lambda g: prior.sample(50, generator=g), draw.seed(), (50, 3), asked)


@worth("flow_prior")
def test_flow_log_prob_passes_gradients(student, draw):
    """The gradient reaches z and the parameters of all layers."""
    flow, z = Flow.drawn(draw, 3, 2), draw.normal(4, 2)
    prior = flow_prior(student, flow)
    check_flow(student, flow, z)
    try:
        check_gradients(student, prior, "log_prob", flow.parameters, lambda z, p: Flow.of(p).log_prob(z), draw, z=z)
    except Wrong:
        try:
            test_planar_flow_passes_gradients(student, draw)
        except (StudentError, Wrong):
            return  # the layers cut the graph already, and pay for it there
        raise


@worth("flow_prior")
def test_flow_prior_has_its_layers(student, draw):
    """FlowPrior(num_flows, latent_dim) has a list `layers` of num_flows planar layers, each with parameters of its
    own."""
    asked = "FlowPrior(num_flows=3, latent_dim=2)"
    prior = student.new("FlowPrior", num_flows=3, latent_dim=2)
    shapes = {name: tuple(value.shape) for name, value in prior.state().parameters.items()}
    names = [f"layers.{i}.{name}" for i in range(3) for name in ("u", "w", "b")]
    missing = [name for name in names if name not in shapes]
    if missing:
        hint = SAID["layer_shared"] if set(missing) == set(names[3:]) else ""
        todo = "Keep PlanarFlow layers in an nn.ModuleList, which tells the prior about their parameters."
        raise Wrong(asked, "the parameters u, w and b of layers 0 to 2", f"no {', '.join(missing[:3])}", todo, hint)
    if any(name.startswith("layers.3.") for name in shapes):
        raise Wrong(asked, "three layers", "more", "num_flows counts the layers.")
    prior.attribute("layers.0").load({"u": torch.ones(2)})
    if torch.equal(prior.state().parameters["layers.1.u"].detach(), torch.ones(2)):
        raise Wrong(asked, "layers with parameters of their own", "layers that share them", "", SAID["layer_shared"])


@worth("flow_prior")
def test_flow_prior_leaves_its_surroundings_alone(student, draw):
    """log_prob and sample print nothing, change neither z nor the prior, and answer in the parameters' dtype, also for
    n = 1."""
    for n, flows, latent_dim, dtype in ((1, 2, 2, torch.float64), (5, 1, 3, torch.float32)):
        flow = Flow.drawn(draw, flows, latent_dim, dtype)
        prior, z = flow_prior(student, flow), draw.normal(5, latent_dim, dtype=dtype)
        layer = prior.attribute("layers.0")
        blamed = any(untidy(student, layer, method, z) for method in ("", "inverse"))
        double = attempt(lambda layer=layer, z=z: part(layer, z, 0))
        kept = isinstance(double, torch.Tensor) and double.dtype == dtype
        right = functools.partial(check_flow, student, flow.double(), z.double())
        dtype_kept = dtype if kept else None
        check_tidy(student, prior, "log_prob", "prior.log_prob", right=right, blamed=blamed, dtype=dtype_kept, z=z)
        back = attempt(lambda layer=layer, z=z: layer.inverse(z))
        kept = not isinstance(back, torch.Tensor) or back.dtype == dtype
        check_sample(student, prior, n, latent_dim, dtype if kept else None, draw, blamed=blamed)


# --- monte_carlo_elbo -------------------------------------------------------------------------------------------------


@worth("monte_carlo_elbo", 3)
def test_monte_carlo_elbo_is_the_sampled_bound(student, draw):
    """For each image it returns log p(x|z) + log p(z) - log q(z|x) at the z that the given eps leads to."""
    for batch, latent_dim, shape in ((5, 3, SHAPE), (1, 2, SHAPE), (4, 4, (1, 3, 2)), (3, 1, (1, 1, 4))):
        toy = AffineModel.drawn(draw, latent_dim, shape, prior=True)
        check_bound(student, toy, draw.binary(batch, *shape), draw.normal(batch, latent_dim))
    for shape, scale in ((COLOURED, 1.0), ((1, 28, 28), 3.0), (SHAPE, 60.0)):  # where probabilities round to zero
        toy = AffineModel.drawn(draw, 2, shape, prior=True)
        check_bound(student, toy, draw.binary(3, *shape), draw.normal(3, 2, scale=scale))


@worth("monte_carlo_elbo", 2)
def test_monte_carlo_elbo_averages_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns the mean over K, (B,), also where K = 1 or K = B."""
    for samples, batch, latent_dim in SAMPLES:
        toy = AffineModel.drawn(draw, latent_dim, prior=True)
        x, eps = draw.binary(batch, *SHAPE), draw.normal(samples, batch, latent_dim)
        model = placed(student, toy)
        singles = slices(lambda e, x=x, model=model: student.monte_carlo_elbo(model, x, e), eps, (batch,))
        check_bound(student, toy, x, eps, also=(value.mean(0) for value in singles))


@worth("monte_carlo_elbo", 2)
def test_monte_carlo_elbo_samples_the_standard_prior_too(student, draw):
    """Where the model's prior is None, log p(z) is that of N(0, I), evaluated at the samples like the other terms."""
    for lead in ((), (3,)):
        toy = AffineModel.drawn(draw, 2)
        check_bound(student, toy, draw.binary(5, *SHAPE), draw.normal(*lead, 5, 2))


@worth("monte_carlo_elbo")
def test_monte_carlo_elbo_takes_learnable_priors(student, draw):
    """It works with MixturePrior and FlowPrior as it does with any prior that has log_prob(z), looked up when
    called."""
    x, eps = draw.binary(4, *SHAPE), draw.normal(3, 4, 2)
    toy = AffineModel.drawn(draw, 2, prior=True)
    check_bound(student, toy, x, eps)
    mu, log_var = toy.encode(x)
    z = oracles.reparameterize(mu, log_var, eps)
    rest = oracles.bernoulli_log_prob(x, toy.decode(z)) - oracles.gaussian_log_prob(z, mu, log_var)
    for truth, build in ((Mixture.drawn(draw, 3, 2), mixture_prior), (Flow.drawn(draw, 2, 2), flow_prior)):
        prior = attempt(lambda truth=truth, build=build: build(student, truth))
        own = attempt(lambda prior=prior: prior.log_prob(z)) if prior is not None else None
        if not isinstance(own, torch.Tensor) or own.shape != z.shape[:-1] or not expect.varies(own):
            continue  # there is no such prior to look at, and that is paid for in its own exercise
        model = placed(student, toy)
        model.assign(prior=prior)
        asked = call("monte_carlo_elbo", model=..., x=x, eps=eps) + ", model with a learnable prior"
        want = (rest + own.detach()).mean(0).to(torch.float64)
        expect.close(student.monte_carlo_elbo(model, x, eps), want, asked=asked, todo="Ask model.prior for log p(z).")


@worth("monte_carlo_elbo")
def test_monte_carlo_elbo_passes_gradients(student, draw):
    """The gradient reaches the parameters of encoder, decoder and prior."""
    toy = AffineModel.drawn(draw, 2, prior=True)
    x, eps, cotangent = draw.binary(4, *SHAPE), draw.normal(3, 4, 2), draw.normal(4)
    check_bound(student, toy, x, eps)
    model, asked = placed(student, toy), call("monte_carlo_elbo", model=..., x=x, eps=eps)
    names = ("weight_mu", "bias_mu", "weight_log_var", "bias_log_var", "weight", "bias")
    leaves = {name: getattr(toy, name).clone().requires_grad_(True) for name in names}
    prior = {name: p.clone().requires_grad_(True) for name, p in zip(("mean", "log_var"), toy.prior, strict=True)}
    (cotangent @ toy.changed(prior=tuple(prior.values()), **leaves).elbo(x, eps)).backward()
    parts = {"encoder": dict.fromkeys(names[:4]), "decoder": dict.fromkeys(names[4:]), "prior": prior}
    for part_name, parameters in parts.items():
        owner = model.attribute(part_name)
        found = student.gradient("monte_carlo_elbo", model, x, eps, wrt=(), parameters_of=owner, cotangent=cotangent)
        expect.tensor(found.value, (4,), x.dtype, asked=asked)
        for name in parameters:

            def own(direction, owner=owner, name=name):
                value = functools.partial(bound, student, model, x, eps)
                return oracles.slope(moved(owner, name, direction, lambda: cotangent @ value()))

            want = (prior if part_name == "prior" else leaves)[name].grad
            check_derivative(found.parameters[name], want, own, draw, asked, f"the {part_name}'s {name}")


@worth("monte_carlo_elbo")
def test_monte_carlo_elbo_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, answers float32 in float32, and changes neither its inputs nor the
    model nor any submodule's mode."""
    toy = AffineModel.drawn(draw, 2, prior=True, dtype=torch.float32)
    x, eps = draw.binary(5, *SHAPE, dtype=torch.float32), draw.normal(5, 2, dtype=torch.float32)
    double = AffineModel.drawn(draw, 2, prior=True)
    check_bound(student, double, x.double(), eps.double())
    model = placed(student, toy)
    model.attribute("encoder").train()
    asked, before, chance = call("monte_carlo_elbo", model=..., x=x, eps=eps), model.state(), fresh_chance(student)
    seen = student.inspect("monte_carlo_elbo", model, x, eps)
    expect.tensor(seen.value, (5,), torch.float32, asked=asked)
    expect.silent(seen, asked=asked)
    expect.inputs_kept(seen, {"model": ..., "x": x, "eps": eps}, asked=asked)
    expect.random_state_kept(chance, student.global_rng(), asked=asked, todo="All its randomness comes in through eps.")
    expect.state_kept(before, model.state(), asked=asked)
    check_models_kept(student, toy, lambda model: student.inspect("monte_carlo_elbo", model, x, eps), asked)


# --- trained_prior ----------------------------------------------------------------------------------------------------


# vae_standard is trained by given code alone and earns nothing.


@worth("trained_prior")
def test_trained_model_with_the_mixture_prior(trained):
    """vae_mixture reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("vae_mixture"))


@worth("trained_prior")
def test_trained_model_with_the_flow_prior(trained):
    """vae_flow reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("vae_flow"))
