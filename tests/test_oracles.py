"""The oracles against each other: densities by integration, expectations by simulation, bounds by order."""

import math

import pytest
import torch

from autograder.judging import oracles
from autograder.judging.draw import Draw
from autograder.judging.oracles import AffineModel, Enumerated
from autograder.kernel.remote import in_process
from autograder.suite.priors.truth import Flow, Mixture, Planar


@pytest.fixture
def draw():
    """Seeded inputs."""
    return Draw("oracles")


def test_reparameterize_standardises_back(draw):
    """The noise comes back as (z - mu) / sigma."""
    mu, log_var, eps = draw.normal(5, 3), draw.normal(5, 3), draw.normal(2, 5, 3)
    z = oracles.reparameterize(mu, log_var, eps)
    assert torch.allclose((z - mu) / torch.exp(log_var / 2), eps, atol=1e-12)


def test_gaussian_log_prob_integrates_to_one(draw):
    """The density has mass one on a grid in two dimensions."""
    mu, log_var, axis = draw.normal(2), draw.normal(2, scale=0.5), torch.linspace(-14, 14, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    mass = torch.exp(oracles.gaussian_log_prob(grid, mu, log_var)).sum() * (axis[1] - axis[0]) ** 2
    assert float(mass) == pytest.approx(1, abs=1e-10)


def test_kl_is_an_integral(draw):
    """The divergence equals E_q[log q - log p] by quadrature, and vanishes for the prior."""
    mu, log_var = draw.normal(1, 1), draw.normal(1, 1)
    nodes, weights = oracles.hermite(80)
    z = oracles.reparameterize(mu, log_var, nodes[:, None, None])
    none = torch.zeros_like(mu)
    difference = oracles.gaussian_log_prob(z, mu, log_var) - oracles.gaussian_log_prob(z, none, none)
    assert float(oracles.kl_standard_normal(mu, log_var)) == pytest.approx(
        float(weights @ difference.squeeze(1)), abs=1e-10
    )
    assert float(oracles.kl_standard_normal(none, none)) == 0


def test_bernoulli_log_prob_of_all_images_sums_to_one(draw):
    """All images of six pixels have probability one together."""
    x = oracles.all_images(2, 3)
    assert x.unique(dim=0).shape == (64, 1, 2, 3)
    assert float(torch.exp(oracles.bernoulli_log_prob(x, draw.normal(1, 2, 3, scale=3.0))).sum()) == pytest.approx(
        1, abs=1e-12
    )


def test_bernoulli_log_prob_is_exact_at_the_ends():
    """At logits of ±10,000 a right pixel costs nothing and a wrong one 10,000 nats."""
    x, logits = torch.tensor([0.0, 1.0]), torch.tensor([1e4, 1e4])
    each = [
        float(oracles.bernoulli_log_prob(a.reshape(1, 1, 1), b.reshape(1, 1, 1)))
        for a, b in zip(x, logits, strict=True)
    ]
    assert each == [-1e4, 0.0]


def test_slope_is_a_derivative():
    """Central differences of order four give the derivative of exp and sin."""
    value = oracles.slope(lambda t: torch.tensor([math.exp(t), math.sin(2 * t)], dtype=torch.float64))
    assert torch.allclose(value, torch.tensor([1.0, 2.0], dtype=torch.float64), atol=1e-10)


def test_midpoints_average_like_the_normal():
    """Equally probable midpoints reproduce mean and variance."""
    points = oracles.normal_midpoints(4000)
    assert float(points.mean()) == pytest.approx(0, abs=1e-12)
    assert float(points.var()) == pytest.approx(1, abs=2e-3)
    assert torch.allclose(
        oracles.normal_cdf(points[:3]), (torch.arange(3, dtype=torch.float64) + 0.5) / 4000, atol=1e-12
    )


@pytest.mark.parametrize("prior", [False, True], ids=["N(0, I)", "own prior"])
def test_expected_elbo_is_the_mean_of_the_elbo(draw, prior):
    """The bound by quadrature agrees with its average over 200,000 samples within six standard errors."""
    toy, x, count = AffineModel.drawn(draw, 3, prior=prior), draw.binary(4, 1, 2, 3), 200_000
    singles = toy.elbo(x.repeat(count // 4, 1, 1, 1), draw.normal(count, 3)).reshape(-1, 4)
    error = singles.std(0) / math.sqrt(len(singles))
    assert bool(((singles.mean(0) - toy.expected_elbo(x)).abs() <= 6 * error).all())


@pytest.mark.parametrize("prior", [False, True], ids=["N(0, I)", "own prior"])
def test_elbo_is_below_the_log_likelihood(draw, prior):
    """In one latent dimension the exact bound lies below the exact log-likelihood, and all images have probability
    one."""
    toy, x = AffineModel.drawn(draw, 1, (1, 2, 2), prior=prior), oracles.all_images(2, 2)
    exact = toy.log_likelihood(x)
    assert float(torch.exp(exact).sum()) == pytest.approx(1, abs=1e-9)
    assert bool((toy.expected_elbo(x) < exact).all())


def test_bound_meets_the_likelihood_where_z_is_not_used(draw):
    """With a decoder that ignores z and q = p the bound equals log p(x)."""
    toy, x = AffineModel.drawn(draw, 1, (1, 2, 2)), oracles.all_images(2, 2)
    none = torch.zeros_like(toy.weight_mu)
    toy = toy.changed(
        weight=torch.zeros_like(toy.weight),
        weight_mu=none,
        bias_mu=none[:, 0],
        weight_log_var=none,
        bias_log_var=none[:, 0],
    )
    assert torch.allclose(toy.expected_elbo(x), toy.log_likelihood(x), atol=1e-10)


def test_elbo_averages_samples(draw):
    """K samples give the mean of their bounds."""
    toy, x, eps = AffineModel.drawn(draw, 2), draw.binary(5, 1, 2, 3), draw.normal(3, 5, 2)
    assert torch.allclose(toy.elbo(x, eps), torch.stack([toy.elbo(x, e) for e in eps]).mean(0), atol=1e-12)


@pytest.mark.parametrize("prior", [False, True], ids=["N(0, I)", "own prior"])
def test_lipschitz_bounds_the_gradient(draw, prior):
    """No gradient of a single bound in its noise is longer than the constant."""
    toy, x = AffineModel.drawn(draw, 2), draw.binary(1, 1, 2, 3)
    toy = toy.changed(weight_log_var=torch.zeros_like(toy.weight_log_var))
    toy = toy.changed(prior=(toy.bias_mu + 1, toy.bias_log_var)) if prior else toy
    eps = draw.normal(2000, 2, scale=3.0).requires_grad_(True)
    toy.elbo(x.expand(2000, -1, -1, -1), eps).sum().backward()
    assert float(eps.grad.norm(dim=-1).max()) <= toy.lipschitz(x)


def test_lipschitz_refuses_other_variances(draw):
    """There is no constant where the variances of prior and q differ."""
    with pytest.raises(ValueError, match="variances"):
        AffineModel.drawn(draw, 2, prior=True).lipschitz(draw.binary(1, 1, 2, 3))


def test_toys_in_the_kernel_are_the_same_models(draw):
    """Encoder, decoder and prior built on the student's side give the numbers of the grader's."""
    toy, x, student = AffineModel.drawn(draw, 2, prior=True), draw.binary(5, 1, 2, 3), in_process({})
    z = draw.normal(3, 5, 2)
    encoder = student.build("AffineEncoder", toy.weight_mu, toy.bias_mu, toy.weight_log_var, toy.bias_log_var)
    for got, want in zip(encoder(x), toy.encode(x), strict=True):
        assert torch.allclose(got, want, atol=1e-12)
    assert torch.allclose(student.build("AffineDecoder", toy.weight, toy.bias, toy.shape)(z), toy.decode(z), atol=1e-12)
    assert torch.allclose(student.build("GaussianPrior", *toy.prior).log_prob(z), toy.prior_log_prob(z), atol=1e-12)


@pytest.mark.parametrize(("latent_dim", "points"), [(1, 801), (2, 321)])
def test_learnable_priors_integrate_to_one(draw, latent_dim, points):
    """Mixture and flow have mass one by quadrature in one and in two dimensions."""
    for prior in (Mixture.drawn(draw, 3, latent_dim), Flow.drawn(draw, 2, latent_dim)):
        assert oracles.integral(prior.log_prob, latent_dim, 12.0, points) == pytest.approx(1, abs=1e-4)


def test_mixture_is_a_weighted_sum_of_densities(draw):
    """The density is the sum of its components' densities, weighted by the softmax of the logits."""
    mixture, z = Mixture.drawn(draw, 3, 2), draw.normal(5, 2)
    each = [
        w * torch.exp(oracles.gaussian_log_prob(z, m, v))
        for w, m, v in zip(torch.softmax(mixture.logits, 0), mixture.loc, mixture.log_var, strict=True)
    ]
    assert torch.allclose(torch.exp(mixture.log_prob(z)), sum(each), atol=1e-12)


def test_components_apart_show_their_noise(draw):
    """Where components lie apart, a point tells its component and its noise."""
    mixture, component, noise = Mixture.apart(draw, 4, 2), torch.tensor([3, 0, 2, 2, 1]), draw.normal(5, 2)
    z = mixture.loc[component] + torch.exp(mixture.log_var[component] / 2) * noise
    found, back = mixture.standardized(z)
    assert torch.equal(found, component)
    assert torch.allclose(back, noise, atol=1e-12)


@pytest.mark.parametrize("along", [-10.0, -3.0, 0.0, 5.0, 10.0])
def test_planar_layer_keeps_its_constraint(draw, along):
    """w.u_hat is softplus(w.u) - 1, u_hat differs from u along w alone, and the output grows along w."""
    layer = Planar.drawn(draw, 3, along)
    off = layer.u_hat - layer.u
    assert float(layer.w @ layer.u_hat) == pytest.approx(math.log1p(math.exp(along)) - 1, abs=1e-12)
    assert torch.allclose(off, (off @ layer.w) / (layer.w @ layer.w) * layer.w, atol=1e-12)
    line = torch.linspace(-6, 6, 401, dtype=torch.float64)[:, None] * layer.w
    assert bool((torch.diff(layer.move(line) @ layer.w) > 0).all())


@pytest.mark.parametrize("latent_dim", [1, 2, 4])
def test_planar_log_det_follows_the_determinant_lemma(draw, latent_dim):
    """log|det| from the Jacobian matrix is log(1 + (1 - tanh²) w.u_hat)."""
    layer, v = Planar.drawn(draw, latent_dim), draw.normal(3, 5, latent_dim)
    s = 1 - torch.tanh(v @ layer.w + layer.b) ** 2
    assert torch.allclose(layer.log_det(v), torch.log(1 + s * layer.stretch), atol=1e-10)


@pytest.mark.parametrize("along", [-10.0, -5.0, 0.0, 5.0, 10.0])
def test_planar_inverse_goes_there_and_back(draw, along):
    """The inverse undoes the layer to 1e-9 for coordinates up to 1000."""
    layer = Planar.drawn(draw, 3, along)
    y = 10 ** draw.uniform(200, 1, low=-1, high=3) * draw.uniform(200, 3, low=-1, high=1)
    assert float((layer.move(layer.inverse(y)) - y).abs().max()) < 1e-9


def test_planar_undo_has_the_derivatives_of_the_inverse(draw):
    """First derivatives in y, u, w and b agree with finite differences."""
    layer, y = Planar.drawn(draw, 2, 1.5), draw.normal(4, 2)
    leaves = [t.clone().requires_grad_(True) for t in (y, layer.u, layer.w, layer.b)]
    assert torch.autograd.gradcheck(lambda y, u, w, b: Planar(u, w, b).undo(y), leaves)


def test_flow_runs_there_and_back(draw):
    """Noise made of z by the layers, layers[0] first, leads back to z."""
    flow, z = Flow.drawn(draw, 3, 2), draw.normal(6, 2)
    assert torch.allclose(flow.to_noise(z), flow.layers[2].move(flow.layers[1].move(flow.layers[0].move(z))))
    assert torch.allclose(flow.from_noise(flow.to_noise(z)), z, atol=1e-9)
    assert Flow.of(flow.parameters) == flow


def test_flow_density_is_that_of_its_samples(draw):
    """Samples of the flow have the mean and the spread of its density by quadrature, within six standard errors."""
    flow, count = Flow.drawn(draw, 2, 1), 20_000
    samples = flow.from_noise(draw.normal(count, 1))[:, 0]
    grid = torch.linspace(-12, 12, 2001, dtype=torch.float64)
    mass = torch.exp(flow.log_prob(grid[:, None])) * (grid[1] - grid[0])
    for power in (1, 2):
        values = samples**power
        assert abs(float(values.mean() - mass @ grid**power)) <= 6 * float(values.std()) / math.sqrt(count)


@pytest.mark.parametrize("prior", [False, True], ids=["N(0, I)", "own prior"])
def test_weights_average_to_the_likelihood(draw, prior):
    """The mean weight under q is p(x), by quadrature in one latent dimension."""
    toy, x = AffineModel.drawn(draw, 1, (1, 2, 2), prior=prior), draw.binary(3, 1, 2, 2)
    z = torch.linspace(-14, 14, 2801, dtype=torch.float64)[:, None, None]
    mu, log_var = toy.encode(x)
    log_w = oracles.log_weights(toy, x, (z - mu) * torch.exp(-log_var / 2))
    mean = torch.logsumexp(log_w + oracles.gaussian_log_prob(z, mu, log_var), 0) + math.log(0.01)
    assert torch.allclose(mean, toy.log_likelihood(x), atol=1e-8)


def test_weights_of_a_shifted_posterior_are_linear_in_the_noise(draw):
    """Where q is the posterior moved by delta, log w = log p - delta²/2 - delta eps, a Gaussian of known ELBO."""
    toy, eps = AffineModel.drawn(draw, 1), draw.normal(7, 3, 1)
    none = torch.zeros_like(toy.weight_mu)
    toy = toy.changed(weight=torch.zeros_like(toy.weight), weight_mu=none, weight_log_var=none, bias_log_var=none[:, 0])
    x, delta = draw.binary(3, 1, 2, 3), float(toy.bias_mu)
    want = toy.log_likelihood(x) - delta**2 / 2 - delta * eps[..., 0]
    assert torch.allclose(oracles.log_weights(toy, x, eps), want, atol=1e-10)
    assert torch.allclose(toy.expected_elbo(x), toy.log_likelihood(x) - delta**2 / 2, atol=1e-10)


def test_bounds_of_a_shifted_posterior_by_quadrature(draw):
    """With two samples the bound's expectation over both noises, by Gauss-Hermite, lies between ELBO and log p."""
    shift, (nodes, weights) = 0.8, oracles.hermite(60)
    log_w = (-shift * nodes - shift**2 / 2)[torch.cartesian_prod(torch.arange(60), torch.arange(60))].T
    bound = torch.outer(weights, weights).flatten() @ oracles.importance_bound(log_w)
    second = -(math.exp(shift**2) - 1) / 4  # Nowozin (2018), of order 1/K
    assert -(shift**2) / 2 < float(bound) < 0
    assert float(bound) == pytest.approx(second, abs=0.05)


def test_ladder_of_an_enumerated_model():
    """The bounds of a model with three codes are the published ones, growing towards log p."""
    tensors = ((0.2, 0.5, 0.3), (0.1, 0.6, 0.05), (0.3, 0.3, 0.4))
    model = Enumerated(*(torch.tensor(values, dtype=torch.float64) for values in tensors))
    ladder = []
    for samples in range(1, 7):
        log_w, probabilities = model.samples(samples)
        assert float(probabilities.sum()) == pytest.approx(1, abs=1e-12)
        ladder.append(float(probabilities @ oracles.importance_bound(log_w)))
    expected = [-2.125781, -1.748919, -1.546868, -1.425986, -1.348764, -1.296934]
    assert ladder == pytest.approx(expected, abs=1e-6)
    assert model.log_likelihood() == pytest.approx(-1.093625, abs=1e-6)


def test_shares_are_the_gradient_of_the_bound(draw):
    """Shares sum to one, are softmax, and are the derivative of log mean exp, also where weights underflow."""
    for log_w in (draw.normal(5, 3), draw.normal(5, 3, scale=1e3, shift=-1e4)):
        leaf = log_w.clone().requires_grad_(True)
        (torch.logsumexp(leaf, 0) - math.log(5)).sum().backward()
        assert torch.allclose(oracles.importance_shares(log_w), leaf.grad, atol=1e-10)
        assert torch.allclose(oracles.importance_bound(log_w), torch.logsumexp(log_w, 0) - math.log(5), atol=1e-9)


def test_divergence_by_dimension_adds_up(draw):
    """The divergences of the dimensions add up to that of the code, and to the one of a prior that is N(0, I)."""
    toy, x = AffineModel.drawn(draw, 3), draw.binary(5, 1, 2, 3)
    mu, log_var = toy.encode(x)
    whole = oracles.kl_standard_normal(mu, log_var)
    assert torch.allclose(oracles.kl_of_dimensions(mu, log_var).sum(-1), whole, atol=1e-12)
    assert torch.allclose(oracles.kl_to_prior(toy, x), whole, atol=1e-12)


def test_shifted_gradients_are_those_of_the_bound(draw):
    """A draw is the derivative of the negative bound for the shift, and with one sample it has the mean `shift`."""
    eps, shift = draw.normal(4, 1), torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    class Repeated:
        def normal(self, *shape):
            return eps.expand(shape)

    (-(torch.logsumexp(-(shift**2) / 2 - shift * eps, 0) - math.log(4)).sum()).backward()
    assert torch.allclose(oracles.shifted_gradients(0.7, 4, 3, Repeated()), shift.grad.expand(3), atol=1e-12)
    assert float(oracles.shifted_gradients(0.7, 1, 20_000, draw).mean()) == pytest.approx(
        0.7, abs=6 / math.sqrt(20_000)
    )


def test_signal_of_the_encoder_falls_with_the_samples(draw):
    """The mean gradient falls like 1/K and its standard deviation like 1/sqrt(K) (Rainforth et al. 2018)."""
    few, many = (oracles.shifted_gradients(0.5, samples, 40_000, draw) for samples in (8, 32))
    assert float(few.mean() / many.mean()) == pytest.approx(4, rel=0.25)
    assert float(few.std() / many.std()) == pytest.approx(2, rel=0.1)


def test_traversal_moves_a_logit_by_its_column(draw):
    """Against the reconstruction, the logits move by the change of the coordinate times its column of the weights."""
    toy, x = AffineModel.drawn(draw, 3), draw.binary(1, 1, 2, 3)
    mu, _ = toy.encode(x)
    got = torch.logit(oracles.traversal(toy, x, [2, 0], [-1.0, 0.5]))
    for row, dim in enumerate((2, 0)):
        for column, value in enumerate((-1.0, 0.5)):
            moved = ((value - mu[0, dim]) * toy.weight[:, dim]).reshape(1, 2, 3)
            assert torch.allclose(got[row, column] - toy.decode(mu)[0], moved, atol=1e-9)
