"""Hidden tests of contextual_flow."""

from collections.abc import Callable, Sequence

import torch

from autograder.judging import expect, known, oracles
from autograder.judging.draw import Draw
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.gaps import flows
from autograder.suite.question import Question

CONTEXT = 4  # numbers in a context


@worth("contextual_flow", 3)
def test_contextual_flow_gives_the_density_of_its_codes(student, draw):
    """log q(z|x) is log N(z_0; mu, diag exp log_var) less the layers' log|det|: the density that the noise has after the whole map
    from eps to z, by the map's Jacobian matrix, whatever the parameters are."""
    for batch, latent_dim, num_flows in ((4, 2, 3), (1, 3, 1), (3, 1, 2), (3, 3, 2)):
        question = contextual(student, draw, num_flows, batch, latent_dim)
        flows.has_density(question)


@worth("contextual_flow", 2)
def test_contextual_flow_rows_depend_on_their_own_context(student, draw):
    """The layers of a row are made of the context of that row alone: another context of one row changes the codes of this row and
    of no other, and a row by itself gets what it gets in a batch."""
    question = contextual(student, draw, 2, 4, 3)
    given = dict(question.arguments)
    z, log_q = flows.answered(question)
    context = given["context"].clone()
    context[1] = draw.normal(CONTEXT)
    changed, _ = flows.answered(other(question, given | {"context": context}))
    same = torch.tensor([bool(torch.allclose(a, b, atol=1e-9)) for a, b in zip(z, changed, strict=True)])
    if same[1]:
        came = "the same codes for another context"
        raise question.wrong(
            "codes that depend on their context", came, hint=flows.hint(question), advice="Where is it used?"
        )
    if not bool(same[[0, 2, 3]].all()):
        came = "codes of a row that change with the context of another row"
        raise question.wrong("rows that do not hear each other", came, hint=flows.hint(question))
    alone = other(question, {name: value[2:3] for name, value in given.items()})
    for place, (got, want) in enumerate(zip(flows.answered(alone), (z, log_q), strict=True)):
        if not expect.equal(got, want[2:3]):
            came = f"another {('z', 'log q')[place]} than in a batch"
            raise alone.wrong("what the row gets in a batch", came, hint=flows.hint(question))


@worth("contextual_flow", 2)
def test_contextual_flow_broadcasts_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns (K, B, D) and (K, B), what each sample gets by itself, also where K = B = D."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 4), (2, 2, 1)):
        question = contextual(student, draw, 2, batch, latent_dim, (samples,))
        given = dict(question.arguments)
        got = flows.answered(question)
        each = [flows.answered(other(question, given | {"eps": eps})) for eps in given["eps"]]
        for place, want in enumerate(map(torch.stack, zip(*each, strict=True))):
            if not expect.equal(got[place], want):
                expected = f"the {('z', 'log q')[place]} that each sample gets by itself"
                raise question.wrong(expected, "another one", hint=flows.hint(question))


@worth("contextual_flow", 2)
def test_contextual_flow_hears_its_context_from_the_start(student, draw):
    """Before any training two contexts give two codes for equal mu, log_var and eps, for any number of layers."""
    for num_flows in (1, 3):
        given = {name: value.expand(2, -1).clone() for name, value in flows.inputs(draw, 1, 3).items()}
        given["context"] = draw.normal(2, CONTEXT)
        question = flows.posterior(student, "contextual_flow", new(3, num_flows), given)
        z, _ = flows.answered(question)
        if float((z[0] - z[1]).abs().max()) < 1e-9:
            later = flows.posterior(
                student, "contextual_flow", drawn(3, num_flows, draw.seed(), 1.0, torch.float64), given
            )
            first, second = flows.answered(later)[0]
            hint = "" if expect.equal(first, second) else known.sentence("gaps", "contextual_starts_deaf")
            raise question.adding("untrained").wrong("codes that depend on the context", "equal ones", hint=hint)


@worth("contextual_flow", 2)
def test_contextual_flow_moves_along_one_line_a_layer(student, draw):
    """A layer moves z along its row's own direction u_hat, by tanh(w·z + b) of it: all codes of a row, less mu + sigma eps, lie on one
    line, and on a short one however far the noise reaches."""
    question = contextual(student, draw, 1, 3, 3, (40,), scale=3.0)
    given = question.arguments
    z, _ = flows.answered(question)
    moves = z - oracles.reparameterize(given["mu"], given["log_var"], given["eps"])  # (K, B, D)
    values = torch.linalg.svdvals(moves.transpose(0, 1))  # (B, D)
    if not bool((values[:, 1] < 1e-6 * values[:, :1].clamp_min(1e-9)).all()) or not bool((values[:, 0] > 1e-6).all()):
        advice = "Which axis does the sum of w·z run over?"
        raise question.wrong("moves along one line for each row", "others", hint=flows.hint(question), advice=advice)
    far = other(question, dict(given) | {"eps": 1e3 * given["eps"]})
    z, _ = flows.answered(far)
    ends = z - oracles.reparameterize(given["mu"], given["log_var"], 1e3 * given["eps"])
    lengths = ends.norm(dim=-1)  # (K, B): tanh is -1 or 1 there
    usual = lengths.median(0).values
    alike = ((lengths - usual).abs() < 1e-3 * usual).double().mean(0)  # but for noise that happens to be across w
    if not bool((alike > 0.7).all()):
        raise far.wrong("moves of one length far out, where tanh is -1 or 1", "others", hint=flows.hint(question))


@worth("contextual_flow", 2)
def test_contextual_flow_layers_see_the_code_alone(student, draw):
    """The layers move z_0 = mu + sigma eps: another mu, log_var and eps that lead to the same z_0 lead to the same z, and log q differs
    by that of the Gaussian at z_0."""
    question = contextual(student, draw, 2, 4, 3)
    given = dict(question.arguments)
    z, log_q = flows.answered(question)
    start = oracles.reparameterize(given["mu"], given["log_var"], given["eps"])
    mu, log_var = draw.normal(4, 3), draw.uniform(4, 3, low=-1.0, high=1.0)
    question = other(question, given | {"mu": mu, "log_var": log_var, "eps": (start - mu) / torch.exp(log_var / 2)})
    found, log_q_found = flows.answered(question)
    difference = oracles.gaussian_log_prob(start, mu, log_var) - oracles.gaussian_log_prob(
        start, given["mu"], given["log_var"]
    )
    if not expect.equal(found, z) or not expect.equal(log_q_found - log_q, difference):
        what = "another z" if not expect.equal(found, z) else "another change of log q"
        asked = "what depends on z_0 and the context alone"
        raise question.wrong(asked, what, hint=flows.hint(question), advice="What enters the first layer?")


@worth("contextual_flow", 2)
def test_contextual_flow_is_invertible(student, draw):
    """In one dimension z only ever grows with eps, whatever the parameters and the context are: no two points are mapped to one."""
    for scale in (1.0, 6.0):
        question = contextual(student, draw, 3, 8, 1, (400,), size=scale)
        given = dict(question.arguments)
        given["eps"] = torch.linspace(-12, 12, 400, dtype=torch.float64)[:, None, None].expand(400, 8, 1).clone()
        question = other(question, given)
        z, _ = flows.answered(question)
        if not bool((torch.diff(z[..., 0], dim=0) > -1e-9).all()):
            advice = "w·u_hat is to stay above -1, by softplus."
            raise question.wrong(
                "z that grows with eps", "z that falls somewhere", hint=flows.hint(question), advice=advice
            )


@worth("contextual_flow")
def test_contextual_flow_is_finite_for_all_contexts(student, draw):
    """Both results and their gradients stay finite for contexts a hundred times as large."""
    question = contextual(student, draw, 2, 6, 2)
    given = dict(question.arguments)
    question = other(question, given | {"context": 100 * given["context"]})
    flows.answered(question)
    for place in (0, 1):
        found = question.gradient(wrt=(0, 1, 2, 3), parameters_of=question.owner(), part=place)
        gradients = (*found.inputs, *found.parameters.values())
        if not all(bool(torch.isfinite(g).all()) for g in gradients if g is not None):
            advice = "Softplus of a large negative number is 0, whose logarithm is infinite: set a floor."
            raise question.wrong("finite gradients", "NaN or infinite numbers", advice=advice)


@worth("contextual_flow", 2, Kind.GRADIENT)
def test_contextual_flow_passes_gradients(student, draw):
    """Both results are differentiable in mu, log_var, eps, the context and all parameters."""
    question = contextual(student, draw, 2, 3, 2)
    flows.has_density(question)
    flows.has_slopes(question, draw, ("mu", "log_var", "eps", "context"))


@worth("contextual_flow", kind=Kind.CARE)
def test_contextual_flow_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, changes neither its inputs nor itself, and answers float32 in float32."""
    for dtype in (torch.float64, torch.float32):
        flows.is_tidy(contextual(student, draw, 2, 5, 3, dtype=dtype), dtype)
    flows.has_density(contextual(student, draw, 2, 5, 3))


def new(latent_dim: int, num_flows: int) -> Callable[[Student], Handle]:
    """Return what builds an untrained posterior, in double precision."""

    def build(student: Student) -> Handle:
        module = student.new("ContextualFlow", latent_dim=latent_dim, num_flows=num_flows, context_dim=CONTEXT)
        module.to(torch.float64)
        return module

    return build


def drawn(latent_dim: int, num_flows: int, seed: int, size: float, dtype: torch.dtype) -> Callable[[Student], Handle]:
    """Return what builds a posterior with random parameters, of which only the student knows the names."""

    def build(student: Student) -> Handle:
        module = new(latent_dim, num_flows)(student)
        values, noise = {}, torch.Generator().manual_seed(seed)
        for name, value in module.state().parameters.items():
            inputs = value.shape[-1] if value.dim() > 1 else 1
            values[name] = size * torch.randn(value.shape, generator=noise, dtype=torch.float64) / inputs**0.5
        module.load(values)
        module.to(dtype)
        return module

    return build


def contextual(
    student: Student,
    draw: Draw,
    num_flows: int,
    batch: int,
    latent_dim: int,
    samples: Sequence[int] = (),
    scale: float = 1.0,
    size: float = 1.0,
    dtype: torch.dtype = torch.float64,
) -> Question:
    """Return the question about a posterior with random parameters."""
    given = flows.inputs(draw, batch, latent_dim, samples, scale) | {"context": draw.normal(batch, CONTEXT)}
    given = {name: value.to(dtype) for name, value in given.items()}
    return flows.posterior(student, "contextual_flow", drawn(latent_dim, num_flows, draw.seed(), size, dtype), given)


def other(question: Question, given: dict[str, torch.Tensor]) -> Question:
    """Return the question with other inputs, to the same posterior."""
    return flows.posterior(question.student, "contextual_flow", question.builds_owner, given)
