"""Asking and answering, without a kernel: every operation of `remote` and `agent`, and what a student's errors look like."""

import itertools
import math
import sys

import pytest
import torch
from torch import nn

from autograder.kernel import remote, wire
from autograder.kernel.failures import BadAnswer, NotDefined, Raised, StudentError
from autograder.kernel.remote import Handle, Student, in_process
from autograder.kernel.wire import Seed


class Net(nn.Module):
    """A small model with a buffer, dropout and a convolution."""

    def __init__(self, latent_dim=2, prior=None):
        super().__init__()
        self.latent_dim, self.prior = latent_dim, prior
        self.conv, self.drop = nn.Conv2d(1, 2, 3), nn.Dropout(0.5)
        self.head = nn.Linear(8, latent_dim)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x):
        self.steps += 1
        return self.head(self.drop(torch.relu(self.conv(x))).flatten(1))

    def scaled(self, x, factor=1.0):
        return x * factor


def ask(**names):
    """Return a student with these names in the notebook."""
    return in_process(names)


def raises(error):
    """Return a function that raises."""

    def function(*args):
        raise error

    return function


# --- calls -----------------------------------------------------------------------------------------


def test_call_takes_and_returns_plain_values():
    """Positional and keyword arguments arrive, and the value comes back with its structure."""
    student = ask(f=lambda x, *, scale: {"y": x * scale, "n": [1, (2.5, None)]})
    value = student.f(torch.ones(2), scale=3)
    assert torch.equal(value["y"], torch.full((2,), 3.0))
    assert value["n"] == [1, (2.5, None)]


def test_call_reaches_names_that_the_asking_end_uses_itself():
    """A function that is named like a method of Student can be called by its name."""
    assert ask(new=lambda: 1, call=lambda: 2).call("new") == 1


def test_call_does_not_change_the_arguments():
    """A function that writes into its arguments writes into copies."""
    x = torch.ones(2)
    ask(f=lambda x: x.zero_()).f(x)
    assert torch.equal(x, torch.ones(2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64])
def test_call_keeps_the_dtype(dtype):
    """What is sent as a dtype arrives as that."""
    value = ask(f=lambda x, d: (x.dtype is d, x)).f(torch.ones(2, dtype=dtype), dtype)
    assert value[0] is True
    assert value[1].dtype is dtype


def test_call_says_whether_the_result_has_a_graph():
    """A result that was detached is told from one that was not."""
    weight = nn.Parameter(torch.ones(2))
    student = ask(kept=lambda: weight * 2, cut=lambda: weight.detach() * 2)
    assert student.kept().requires_grad
    assert not student.cut().requires_grad


def test_seed_becomes_a_generator():
    """The same seed gives the same numbers, and another one others, without touching the global generator."""
    student = ask(f=lambda generator: torch.randn(3, generator=generator))
    before = student.global_rng()
    first, again, other = student.f(Seed(7)), student.f(Seed(7)), student.f(generator=Seed(8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(before, student.global_rng())


def test_global_rng_shows_a_draw_without_a_generator():
    """A function that ignores its generator moves the global state."""
    student = ask(f=lambda: torch.randn(1))
    before = student.global_rng()
    student.f()
    assert not torch.equal(before, student.global_rng())


def test_inspect_shows_arguments_and_output():
    """Inspecting a call shows what it wrote into its arguments and what it printed."""

    def f(x, model, n):
        print("loss", n)
        x += n
        return x.sum()

    student = ask(f=f, Net=Net)
    seen = student.inspect("f", torch.zeros(2), student.new("Net"), 3)
    assert float(seen.value) == 6
    assert torch.equal(seen.arguments[0], torch.full((2,), 3.0))
    assert seen.arguments[1:] == (None, None)
    assert seen.printed == "loss 3\n"


def test_inspect_keeps_only_the_beginning_of_the_output():
    """Output without end is cut."""
    seen = ask(f=lambda: [print("x" * 999) for _ in range(1000)] and None).inspect("f")
    assert len(seen.printed) == 2000


def test_inspect_shows_what_a_call_changes_of_torch():
    """Gradients that a call leaves switched off, and a default dtype that it sets, are named and put back."""

    def off(x):
        torch.set_grad_enabled(False)
        torch.set_default_dtype(torch.float64)
        return x

    student = in_process({"off": off, "tidy": lambda x: x})
    assert student.inspect("off", torch.zeros(2)).surroundings == ("gradient mode", "default dtype")
    assert student.inspect("tidy", torch.zeros(2)).surroundings == ()
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("text", ["Found no NVIDIA driver on your system.", "Torch not compiled with CUDA enabled"])
def test_a_device_that_is_not_there_is_explained(text):
    """Code that asks for a GPU on a machine without one is told to use the device of x."""

    def f(x):
        raise RuntimeError(text)

    with pytest.raises(Raised, match=r"Use the device of x"):
        in_process({"f": f}).f(torch.zeros(1))


def test_sensitive_parts_do_nothing_in_evaluation_mode():
    """Batch norm and dropout before a part change nothing in evaluation mode, and show in training mode."""
    student = in_process({})
    part = student.build("AffineDecoder", torch.randn(6, 2), torch.randn(6), (1, 2, 3))
    wrapped, z = student.build("Sensitive", part, 2), torch.randn(4, 3, 2)
    assert torch.allclose(wrapped(z), part(z), atol=1e-5)
    wrapped.train()
    before = wrapped.state()
    assert not torch.allclose(wrapped(z), part(z), atol=1e-3)
    assert not torch.equal(before.buffers["norm.running_mean"], wrapped.state().buffers["norm.running_mean"])


@pytest.mark.parametrize("way", ["call", "new", "gradient"])
def test_student_output_stays_apart(way, capsys):
    """What the student's code prints never reaches the grader's terminal."""

    def f(x):
        print("noise")
        return x * 2

    getattr(ask(f=f), way)("f", torch.ones(1))
    assert capsys.readouterr().out == ""


# --- objects ---------------------------------------------------------------------------------------


def test_new_keeps_the_object_and_calls_its_methods():
    """A constructed object stays there in evaluation mode, is callable, and has attributes and methods."""
    net = ask(Net=Net).new("Net", latent_dim=3)
    assert net(torch.zeros(2, 1, 4, 4)).shape == (2, 3)
    assert torch.equal(net.scaled(torch.ones(1), factor=2), torch.tensor([2.0]))
    assert torch.equal(net.call("scaled", torch.ones(1)), torch.ones(1))
    assert (net.value("latent_dim"), net.value("prior"), net.value("head.bias").shape) == (3, None, (3,))
    assert set(net.state().training.values()) == {False}


def test_object_is_the_notebooks_own():
    """A handle of a variable names the object itself, not a copy."""
    vae = Net()
    student = ask(vae=vae)
    student.variable("vae").train()
    assert vae.training


def test_attribute_is_a_handle_of_a_part():
    """Parts can be called, passed on, and put in place of others."""
    student = ask(Net=Net, apply=lambda module, x: module(x))
    one, other = student.new("Net"), student.new("Net")
    head, z = other.attribute("head"), torch.ones(1, 8)
    one.assign(head=head, latent_dim=5, prior=None)
    assert torch.equal(one.attribute("head")(z), head(z))
    assert torch.equal(student.apply(head, z), head(z))
    assert one.value("latent_dim") == 5
    assert torch.equal(one.attribute("conv.bias").call("detach"), one.value("conv.bias"))


def test_to_train_and_eval_change_the_module():
    """dtype and mode can be set."""
    net = ask(Net=Net).new("Net")
    net.to(torch.float64)
    net.train()
    state = net.state()
    assert {value.dtype for value in state.parameters.values()} == {torch.float64}
    assert state.training == {"": True, "conv": True, "drop": True, "head": True}
    net.eval()
    assert set(net.state().training.values()) == {False}


def test_state_names_parameters_buffers_and_gradients():
    """State shows parameters, buffers, gradients or their absence, and flags."""
    student = ask(Net=Net)
    net = student.new("Net")
    net.load({"steps": torch.tensor(4.0)}, gradients={"head.bias": torch.ones(2)})
    state = net.state()
    assert set(state.parameters) == {"conv.weight", "conv.bias", "head.weight", "head.bias"} == set(state.gradients)
    assert float(state.buffers["steps"]) == 4
    assert torch.equal(state.gradients["head.bias"], torch.ones(2))
    assert state.gradients["conv.bias"] is None
    assert set(state.requires_grad.values()) == {True}


def test_load_sets_by_name():
    """Values are set in place; a name that is not there is the student's error and changes nothing."""
    net = ask(Net=Net).new("Net")
    net.load({"head.bias": torch.tensor([1.0, 2.0])})
    assert torch.equal(net.value("head.bias"), torch.tensor([1.0, 2.0]))
    with pytest.raises(BadAnswer, match="Net: the model has no parameter or buffer named 'decoder.bias'"):
        net.load({"head.bias": torch.zeros(2), "decoder.bias": torch.zeros(2)})
    with pytest.raises(BadAnswer, match="no parameter or buffer named 'x'"):
        net.load({}, gradients={"x": torch.zeros(2)})
    assert torch.equal(net.value("head.bias"), torch.tensor([1.0, 2.0]))


# --- gradients -------------------------------------------------------------------------------------


def test_gradient_agrees_with_calculus():
    """d/dx Σ c x² y = 2 c x y, d/dy = Σ c x²."""
    x, y, c = torch.tensor([1.0, 2.0]), torch.tensor(3.0), torch.tensor([1.0, 10.0])
    found = ask(f=lambda x, y: x**2 * y).gradient("f", x, y, wrt=(0, 1), cotangent=c)
    assert torch.equal(found.value, torch.tensor([3.0, 12.0]))
    assert torch.equal(found.inputs[0], torch.tensor([6.0, 120.0]))
    assert float(found.inputs[1]) == 41


def test_gradient_is_none_where_nothing_flows():
    """An argument that is not used, and a result that was detached, have no gradient."""
    student = ask(unused=lambda x, y: x * 2, cut=lambda x, y: (x * y).detach())
    x = torch.ones(2)
    assert student.gradient("unused", x, x, wrt=(0, 1)).inputs[1] is None
    assert student.gradient("cut", x, x, wrt=(0, 1)).inputs == (None, None)


def test_gradient_reaches_the_parameters_of_a_part():
    """Parameters of one part are named; those that do not take part have None."""
    student = ask(Net=Net)
    net = student.new("Net")
    found = student.gradient((net, "scaled"), torch.ones(2), parameters_of=net.attribute("head"), factor=3.0)
    assert torch.equal(found.inputs[0], torch.full((2,), 3.0))
    assert found.parameters == {"weight": None, "bias": None}
    found = student.gradient((net, ""), torch.zeros(2, 1, 4, 4), wrt=(), parameters_of=net)
    assert torch.equal(found.parameters["head.bias"], torch.full((2,), 2.0))
    assert found.inputs == ()


@pytest.mark.parametrize("kind", [tuple, list])
def test_gradient_of_one_part_of_a_result(kind):
    """`part` says which item of a returned pair is differentiated."""
    student = ask(f=lambda x: kind((x * 2, x * 5)))
    assert float(student.gradient("f", torch.ones(1), part=1).inputs[0]) == 5
    with pytest.raises(BadAnswer, match="f: returned (tuple|list) where a torch.Tensor is expected"):
        student.gradient("f", torch.ones(1))


def test_gradient_leaves_no_trace():
    """Asking for gradients fills no .grad of the student's model."""
    student = ask(Net=Net)
    net = student.new("Net")
    student.gradient((net, ""), torch.zeros(1, 1, 4, 4), wrt=(), parameters_of=net)
    assert set(net.state().gradients.values()) == {None}


def test_gradient_of_another_shape_is_the_results_fault():
    """A result that does not fit the cotangent is described, rather than torch's complaint about it."""
    student = ask(f=lambda x: x.sum())
    with pytest.raises(BadAnswer, match=r"f: returned torch.Tensor of shape \(\) where shape \(4,\) is expected"):
        student.gradient("f", torch.ones(4), cotangent=torch.ones(4))


# --- toy models ------------------------------------------------------------------------------------


def test_affine_parts_compute_what_they_say():
    """Encoder and decoder are affine, for any number of leading axes, in the dtype of their tensors."""
    student = ask()
    wm, bm, wl, bl = torch.ones(2, 4), torch.zeros(2), torch.zeros(2, 4), torch.ones(2)
    mu, log_var = student.build("AffineEncoder", *(t.double() for t in (wm, bm, wl, bl)))(
        torch.ones(3, 1, 2, 2).double()
    )
    assert torch.equal(mu, torch.full((3, 2), 4.0).double())
    assert torch.equal(log_var, torch.ones(3, 2).double())
    decoder = student.build("AffineDecoder", torch.eye(2)[[0, 1, 0, 1]], torch.arange(4.0), (1, 2, 2))
    logits = decoder(torch.tensor([10.0, 20.0]).expand(5, 3, 2))
    assert logits.shape == (5, 3, 1, 2, 2)
    assert torch.equal(logits[0, 0].flatten(), torch.tensor([10.0, 21.0, 12.0, 23.0]))


def test_gaussian_prior_has_density_and_samples():
    """log_prob is the normal's; samples come from the generator given."""
    prior = ask().build("GaussianPrior", torch.tensor([1.0]), torch.tensor([math.log(4)]))
    expected = -0.5 * (math.log(2 * math.pi * 4) + 1)
    assert prior.log_prob(torch.tensor([[3.0]])).detach().item() == pytest.approx(expected, rel=1e-6)
    assert torch.equal(prior.sample(4, generator=Seed(1)), prior.sample(4, Seed(1)))
    assert prior.sample(4, Seed(1)).shape == (4, 1)


def test_model_holds_its_parts():
    """The plain model has encoder, decoder, prior and latent_dim, and no forward of its own."""
    student = ask()
    decoder = student.build("AffineDecoder", torch.ones(4, 1), torch.zeros(4), (1, 2, 2))
    model = student.build("Model", decoder, decoder, latent_dim=1)
    assert (model.value("latent_dim"), model.value("prior")) == (1, None)
    assert torch.equal(model.attribute("decoder")(torch.ones(1, 1)), torch.ones(1, 1, 2, 2))
    with pytest.raises(Raised, match='missing the required "forward"'):
        model(torch.ones(1))


def test_shifted_encoder_has_a_vector_first():
    """Its first parameter is the vector that is added to the pixels, and the affine encoder follows."""
    student = ask()
    affine = (torch.ones(2, 4), torch.zeros(2), torch.zeros(2, 4), torch.ones(2))
    encoder = student.build("ShiftedEncoder", torch.arange(4.0), student.build("AffineEncoder", *affine))
    assert next(iter(encoder.state().parameters)) == "shift"
    mu, log_var = encoder(torch.ones(3, 1, 2, 2))
    assert torch.equal(mu, torch.full((3, 2), 10.0))
    assert torch.equal(log_var, torch.ones(3, 2))


def test_fixed_encoder_shows_what_is_written_into_it():
    """It answers its own parameters: a function that writes into them has changed the encoder."""

    def spoil(encoder, x):
        with torch.no_grad():
            encoder(x)[0].zero_()

    student = ask(spoil=spoil)
    encoder = student.build("FixedEncoder", torch.ones(1, 2), torch.zeros(1, 2))
    assert torch.equal(encoder(torch.ones(3, 1, 2, 2))[0], torch.ones(1, 2))
    student.spoil(encoder, torch.ones(3, 1, 2, 2))
    assert torch.equal(encoder.state().parameters["mu"], torch.zeros(1, 2))


def test_scripted_decoder_follows_its_script():
    """The n-th code that it sees gets the n-th row, whatever the code and the shape are, and codes after the last row
    get that one."""
    table = torch.arange(10.0).reshape(5, 2)
    decoder = ask().build("ScriptedDecoder", table, (1, 1, 2))
    assert torch.equal(decoder(torch.randn(2, 1, 3)), table[:2].reshape(2, 1, 1, 1, 2))
    assert torch.equal(decoder(torch.randn(4, 3)), table[[2, 3, 4, 4]].reshape(4, 1, 1, 2))


def watched(function):
    """Return what is seen of a function of a small model, called on three images."""
    student = ask(f=function)
    zeros = torch.zeros(2, 4)
    encoder = student.build("AffineEncoder", zeros, zeros[:, 0], zeros, zeros[:, 0])
    model = student.build(
        "Model", encoder, student.build("AffineDecoder", zeros.T, torch.zeros(4), (1, 2, 2)), latent_dim=2
    )
    return student.watch("f", model, torch.ones(3, 1, 2, 2), parts_of=model)


def test_watch_counts_what_the_parts_see():
    """Calls of each part are counted with the numbers of their inputs, also where these are keywords, and where
    forward itself is called."""

    def f(model, x):
        mu, _ = model.encoder(x)
        model.decoder(z=mu.expand(5, -1, -1))
        return model.decoder.forward(mu)

    seen = watched(f)
    assert seen.value.shape == (3, 1, 2, 2)
    assert seen.parts == {"encoder": (1, 12, 12), "decoder": (2, 30, 36)}


def test_watch_measures_the_tensors_alive_at_once():
    """The peak counts tensors that are kept, each storage once, and not those that are freed or were there before."""

    def freed(model, x):
        for _ in range(10):
            torch.zeros(1000)
        return x.flatten()

    def kept(model, x):
        rows = [torch.zeros(1000) for _ in range(10)]
        return len([row.view(10, 100).T for row in rows])

    assert watched(freed).peak_bytes == 4000
    assert watched(kept).peak_bytes == 40_000


def test_watch_lets_go_of_a_model():
    """After a call that raised, the model's parts are as they were."""

    def f(model, x):
        raise ZeroDivisionError

    student = ask(f=f, changed=lambda model: any("forward" in vars(part) for part in model.children()))
    zeros = torch.zeros(2, 4)
    encoder = student.build("AffineEncoder", zeros, zeros[:, 0], zeros, zeros[:, 0])
    model = student.build(
        "Model", encoder, student.build("AffineDecoder", zeros.T, torch.zeros(4), (1, 2, 2)), latent_dim=2
    )
    with pytest.raises(Raised, match="ZeroDivisionError"):
        student.watch("f", model, torch.ones(3, 1, 2, 2), parts_of=model)
    assert student.changed(model) is False


def test_quadratic_loss_shows_its_mode():
    """The loss is ½ Σ (w − mean x)² in training mode and Σ w more in evaluation mode."""
    loss = ask().build("QuadraticLoss", torch.tensor([1.0, 3.0]))
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert float(loss(x).detach()) == 2.5 + 4
    loss.train()
    assert float(loss(x).detach()) == 2.5


def test_optimizer_steps_the_model():
    """An optimizer of torch.optim moves the model's parameters."""
    student = ask()
    model = student.build("QuadraticLoss", torch.tensor([1.0]))
    optimizer = student.optimizer("SGD", model, lr=0.5)
    model.load({}, gradients={"weight": torch.tensor([4.0])})
    optimizer.step()
    assert torch.equal(model.value("weight"), torch.tensor([-1.0]))


# --- convolutions ----------------------------------------------------------------------------------


class Convolving(nn.Module):
    """Uses the convolutions given, and adds the mean of its input."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x).flatten(1), x.mean()


@pytest.mark.parametrize(
    ("layers", "kernels"),
    [
        ((nn.Conv2d(1, 1, 3),), [(3, 3)]),
        ((nn.ConvTranspose2d(1, 1, (1, 4)),), [(1, 4)]),
        ((nn.Conv2d(1, 2, 1), nn.Conv2d(2, 1, 5)), [(5, 5)]),
        ((nn.Conv2d(1, 1, 1),), []),
        ((nn.Linear(6, 2),), []),
    ],
    ids=["conv", "transposed", "with-1x1", "1x1", "none"],
)
def test_convolutions_are_watched_and_ablated(layers, kernels):
    """Kernels larger than a pixel are noted, and only what they compute is lost where they return zeros."""
    student = ask(net=Convolving(*layers))
    seen = student.convolutions(student.variable("net"), torch.rand(2, 1, 6, 6))
    assert seen.kernels == kernels
    assert torch.equal(seen.output[1], seen.ablated[1])
    assert torch.equal(seen.output[0], seen.ablated[0]) == (not kernels)
    assert not kernels or torch.equal(seen.ablated[0], torch.zeros_like(seen.ablated[0]))


# --- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask_for", ["call", "new", "variable", "gradient", "inspect"])
def test_missing_name_is_not_defined(ask_for):
    """A name that the notebook lacks is named, with what to do."""
    with pytest.raises(
        NotDefined, match=r"^elbo is not defined\. Run all cells from the top: is the exercise's cell solved"
    ):
        getattr(ask(), ask_for)("elbo")


def test_missing_attribute_is_not_defined():
    """An attribute that the model lacks is named with its class."""
    net = ask(Net=Net).new("Net")
    for question in (lambda: net.attribute("encoder"), lambda: net.value("head.scale"), lambda: net.elbo()):
        with pytest.raises(NotDefined, match=r"^(Net|Linear) has no attribute (encoder|scale|elbo)\."):
            question()


@pytest.mark.parametrize("text", ["write your answer here", None], ids=["stub", "bare"])
def test_unsolved_exercise_is_not_written_yet(text):
    """The release's stub is told from an error."""
    student = ask(f=raises(NotImplementedError(text) if text else NotImplementedError()))
    with pytest.raises(Raised, match="^f is not written yet"):
        student.f()


def test_error_of_torch_is_not_taken_for_the_stub():
    """torch raises NotImplementedError, too; its text is shown."""
    student = ask(f=raises(NotImplementedError("Cannot copy out of meta tensor")))
    with pytest.raises(Raised, match="^f raised NotImplementedError: Cannot copy"):
        student.f()


@pytest.mark.parametrize(
    ("error", "text", "kind"),
    [
        (ValueError("bad shape"), "f raised ValueError: bad shape", "ValueError"),
        (ZeroDivisionError("by 0"), "f raised ZeroDivisionError: by 0", "ArithmeticError"),
        (KeyboardInterrupt(), "f raised KeyboardInterrupt: ", "KeyboardInterrupt"),
        (SystemExit(0), "f raised SystemExit: 0", "BaseException"),
        (GeneratorExit(), "f raised GeneratorExit: ", "BaseException"),
        (AssertionError("assert"), "f raised AssertionError: assert", "AssertionError"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_exception_becomes_raised(error, text, kind):
    """Any exception, also one that would end a process, is an answer with its class, bases and text."""
    with pytest.raises(Raised) as caught:
        ask(f=raises(error)).f()
    assert str(caught.value) == text
    assert kind in caught.value.kinds


def test_exit_of_a_call_is_an_answer():
    """sys.exit in a function ends neither the agent nor the grader."""
    student = ask(f=lambda: sys.exit("done"), g=lambda: 1)
    with pytest.raises(Raised, match="SystemExit: done"):
        student.f()
    assert student.g() == 1


class UnreadableText(str):
    """A text that cannot be shown."""

    __slots__ = ()

    def __format__(self, specification):
        raise RuntimeError("no")

    __str__ = __getitem__ = __format__


class Unreadable(Exception):
    """An exception whose text cannot be read."""

    def __str__(self):
        raise SystemExit


class HostileText(Exception):
    """An exception whose text is a hostile str."""

    def __str__(self):
        return UnreadableText("text")


@pytest.mark.parametrize(
    ("error", "text"),
    [(Unreadable(), "its message cannot be read"), (HostileText(), "text")],
    ids=["raises", "subclass"],
)
def test_exception_whose_text_raises_is_an_answer(error, text):
    """An exception that cannot be read is reported by its class."""
    with pytest.raises(Raised, match=f"f raised {type(error).__name__}: .*{text}"):
        ask(f=raises(error)).f()


def test_long_or_broken_texts_are_cut():
    """An exception's text is bounded and can be written to a file."""
    with pytest.raises(Raised) as caught:
        ask(f=raises(ValueError("\ud800" + "x" * 10**6))).f()
    assert len(str(caught.value)) < 2100
    assert str(caught.value).encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (object(), "f returned object; expected torch tensors or plain Python values."),
        ((1, [nn.Identity()]), "f returned torch.nn.modules.linear.Identity; expected"),
        (torch.ones(1).expand(10**10), "f: a tensor of shape (10000000000,) takes 40000000000 bytes, more than"),
        (2**70, "f: an int of more than 63 bits."),
        (itertools.count(), "f returned itertools.count; expected"),
    ],
    ids=["object", "inside", "expanded", "int", "endless"],
)
def test_result_that_cannot_be_sent_is_a_bad_answer(value, text):
    """A result that is no plain value, or too large, is described in the student's words."""
    with pytest.raises(BadAnswer) as caught:
        ask(f=lambda: value).f()
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize("question", ["train", "state", "elbo"])
def test_object_of_another_type_is_the_students_error(question):
    """Treating a number as a model is answered with an error of the student's."""
    with pytest.raises(StudentError, match="vae raised AttributeError|has no attribute elbo"):
        getattr(ask(vae=3).variable("vae"), question)()


def test_object_that_is_gone_is_reported():
    """A handle from before a restart has nothing to name."""
    handle = ask(Net=Net).new("Net")
    handle._student = ask(Net=Net)
    with pytest.raises(BadAnswer, match="Net: an object that is no longer there"):
        handle.train()


# --- a kernel that answers what it likes -------------------------------------------------------------


def liar(reply):
    """Return a student whose kernel answers every request with `reply`, a value or raw frames."""
    frames = reply if type(reply) is tuple else wire.encode(reply, 2**20)
    return Student(lambda header, payload: frames)


REPLIES = {
    "bytes": (b"\x80\x04.", b""),
    "nothing": None,
    "list": [1],
    "empty": {},
    "unknown-failure": {"failure": "passed", "text": ""},
    "tensor-failure": {"failure": torch.ones(2), "text": ""},
    "list-failure": {"failure": ["raised"], "text": "x"},
    "tensor-text": {"failure": "raised", "text": torch.ones(2)},
    "tensor-kinds": {"failure": "raised", "text": "x", "kinds": torch.ones(2)},
    "value": {"value": 3},
    "wrong-fields": {"value": {"value": 1, "score": 100}},
    "wrong-types": {"value": {"value": 1, "inputs": 2, "parameters": 3}},
    "wrong-state": {
        "value": dict.fromkeys(("parameters", "buffers", "gradients", "requires_grad", "training"), {"w": 1})
    },
    "wrong-gradient": {"value": {"value": torch.ones(1), "inputs": (1,), "parameters": {"w": "x"}}},
    "wrong-watch": {"value": {"value": 1, "parts": {"encoder": (1, 2)}, "peak_bytes": 3}},
    "too-few-gradients": {"value": {"value": torch.ones(1), "inputs": (), "parameters": {}}},
    "surrogate": (
        b'{"k":"d","v":{"failure":{"k":"v","v":"raised"},"text":{"k":"v","v":"\\ud800"}}}',
        wire.encode(0, 0)[1],
    ),
}


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_forged_reply_is_a_bad_answer(reply):
    """Whatever a kernel answers, records are refused with an error of the student's, never one of ours."""
    student = liar(reply)
    reference = Handle(student, wire.Reference(1), "vae")
    questions = (
        lambda: student.gradient("f", torch.ones(1)),
        lambda: student.inspect("f"),
        lambda: student.new("VAE"),
        lambda: student.variable("vae"),
        lambda: student.convolutions(reference, torch.ones(1)),
        lambda: student.watch("f", parts_of=reference),
        lambda: reference.attribute("encoder"),
        lambda: reference.state(),
    )
    for question in questions:
        with pytest.raises(BadAnswer, match="answer cannot be read"):
            question()


def test_forged_failure_is_bounded():
    """A kernel's text and class names are cut, and names that are no names are dropped."""
    with pytest.raises(Raised) as caught:
        liar({"failure": "raised", "text": "x" * 20_000, "kinds": ["ValueError", 3]}).f()
    assert len(str(caught.value)) < remote.MAX_TEXT + 100
    assert caught.value.kinds == ("ValueError",)
