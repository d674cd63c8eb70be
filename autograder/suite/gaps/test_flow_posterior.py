"""Hidden tests of flow_posterior."""

from collections.abc import Callable, Mapping

import torch

from autograder.judging import expect
from autograder.judging.rubric import worth
from autograder.kernel.remote import Handle, Student
from autograder.reporting.points import Kind
from autograder.suite.gaps import flows
from autograder.suite.priors.truth import Flow
from autograder.suite.question import Question

SIZES = ((5, 3, 2), (1, 2, 3), (4, 4, 1), (3, 1, 2))  # B, D, layers
ADVICE = (
    "layers[0] is the first that z_0 = mu + sigma eps meets.",
    "The Gaussian's density is taken at z_0, log|det| of a layer where it is entered.",
)


@worth("flow_posterior", 3)
def test_flow_posterior_moves_the_codes(student, draw):
    """Its codes are those of the encoder's Gaussian, mu + sigma eps, moved by the layers, layers[0] first."""
    for batch, latent_dim, num_flows in SIZES:
        is_right(student, Flow.drawn(draw, num_flows, latent_dim), flows.inputs(draw, batch, latent_dim), 0)


@worth("flow_posterior", 3)
def test_flow_posterior_gives_the_log_density(student, draw):
    """log q(z|x) is log N(z_0; mu, diag exp log_var) less the layers' log|det|, each where its layer is entered (Rezende and Mohamed
    2015, equation 13)."""
    for batch, latent_dim, num_flows in SIZES:
        is_right(student, Flow.drawn(draw, num_flows, latent_dim), flows.inputs(draw, batch, latent_dim), 1)


@worth("flow_posterior", 2)
def test_flow_posterior_density_is_that_of_its_codes(student, draw):
    """log q is the density that the noise has after the whole map from eps to z, whatever the layers are: by the map's own Jacobian
    matrix."""
    for batch, latent_dim, num_flows in ((4, 2, 3), (3, 1, 2)):
        flow, given = Flow.drawn(draw, num_flows, latent_dim), flows.inputs(draw, batch, latent_dim)
        flows.has_density(flows.posterior(student, "flow_posterior", at(flow), given))


@worth("flow_posterior", 2)
def test_flow_posterior_broadcasts_over_samples(student, draw):
    """With eps of shape (K, B, D) it returns (K, B, D) and (K, B), also where K = 1 or K = B = D."""
    for samples, batch, latent_dim in ((3, 5, 2), (1, 4, 3), (4, 4, 4), (2, 1, 1)):
        flow, given = Flow.drawn(draw, 2, latent_dim), flows.inputs(draw, batch, latent_dim, (samples,))
        for place in (0, 1):
            is_right(student, flow, given, place)


@worth("flow_posterior", 2)
def test_flow_posterior_has_its_layers(student, draw):
    """FlowPosterior(latent_dim, num_flows) has num_flows layers with parameters of their own, which its optimizer finds, and the
    codes depend on each of them."""
    for num_flows in (1, 3):
        build = new(3, num_flows)
        given = flows.inputs(draw, 4, 3)
        question = flows.posterior(student, "flow_posterior", build, given)
        z, _ = flows.answered(question)
        owner = question.owner()
        shapes = {name: tuple(value.shape) for name, value in owner.state().parameters.items()}
        want = {
            f"layers.{i}.{name}": shape
            for i in range(num_flows)
            for name, shape in {"u": (3,), "w": (3,), "b": ()}.items()
        }
        missing = [name for name, shape in want.items() if shapes.get(name) != shape]
        asked = f"FlowPosterior(latent_dim=3, num_flows={num_flows})"
        if missing:
            todo = "Keep new PlanarFlow layers in an nn.ModuleList, which tells their parameters."
            raise expect.Wrong(asked, f"parameters {', '.join(want)}", f"no {missing[0]} of its own", todo)
        for i in range(num_flows):
            owner.load({f"layers.{i}.b": draw.normal(shift=2.0), f"layers.{i}.u": draw.normal(3, shift=1.0)})
            before, (z, _) = z, flows.answered(question)
            if expect.equal(z, before):
                raise expect.Wrong(
                    asked, f"codes that depend on layers[{i}]", "codes that do not", "Is each layer applied?"
                )


@worth("flow_posterior", 2, Kind.GRADIENT)
def test_flow_posterior_passes_gradients(student, draw):
    """Both results are differentiable in mu, log_var, eps and the parameters of all layers."""
    flow, given = Flow.drawn(draw, 2, 2), flows.inputs(draw, 4, 2)
    for place in (0, 1):
        is_right(student, flow, given, place)
    flows.has_slopes(flows.posterior(student, "flow_posterior", at(flow), given), draw, ("mu", "log_var", "eps"))


@worth("flow_posterior", kind=Kind.CARE)
def test_flow_posterior_leaves_its_surroundings_alone(student, draw):
    """It prints nothing, draws no random numbers, changes neither its inputs nor itself, and answers float32 in float32."""
    for dtype in (torch.float64, torch.float32):
        flow, given = Flow.drawn(draw, 2, 3, dtype), {n: v.to(dtype) for n, v in flows.inputs(draw, 5, 3).items()}
        flows.is_tidy(flows.posterior(student, "flow_posterior", at(flow), given), dtype)
    flow, given = Flow.drawn(draw, 2, 3), flows.inputs(draw, 5, 3)
    is_right(student, flow, given, 0)
    is_right(student, flow, given, 1)


def new(latent_dim: int, num_flows: int, dtype: torch.dtype = torch.float64) -> Callable[[Student], Handle]:
    """Return what builds an untrained posterior."""

    def build(student: Student) -> Handle:
        module = student.new("FlowPosterior", latent_dim=latent_dim, num_flows=num_flows)
        module.to(dtype)
        return module

    return build


def at(flow: Flow) -> Callable[[Student], Handle]:
    """Return what builds a posterior with the parameters of a flow."""
    parameters = flow.parameters
    build = new(len(flow.layers[0].w), len(flow.layers), flow.layers[0].w.dtype)

    def built(student: Student) -> Handle:
        module = build(student)
        module.load(parameters)
        return module

    return built


def is_right(student: Student, flow: Flow, given: Mapping[str, torch.Tensor], place: int) -> Question:
    """Demand the codes (0) or their log-density (1)."""
    question = flows.posterior(student, "flow_posterior", at(flow), given, place)
    whole = flows.items(question, question.whole(student), flows.EXPECTED, 2)
    question.looking(lambda _: flows.hint(question))
    question.equals(flows.truth(flow, **given)[place], got=whole[place], todo=ADVICE[place], shape=flows.SHAPES[place])
    return question
