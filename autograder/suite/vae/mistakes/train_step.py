"""What is got wrong in train_step; see autograder/judging/known.py for the form."""

from autograder.judging import sentences

RATES = (1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.3)


@mistake(
    "This is the loss after the step. The loss that the step was computed from is asked.",
    also_said=["Compute the loss once"],
)
def loss_after_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    model(x).backward()
    optimizer.step()
    return model(x).item()


@mistake("Compute the loss once, and keep its value.", kind="care")
def loss_computed_twice(model, optimizer, x):
    model.train()
    value = model(x).item()
    optimizer.zero_grad()
    model(x).backward()
    optimizer.step()
    return value


@mistake("The loss is divided by the number of images; `model(x)` has averaged already.")
def loss_per_image(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item() / len(x)


@mistake("A tensor of one number has a method that gives the number.")
def loss_tensor_returned(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss


@mistake(sentences.CLIPPED, limit=(0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0))
def step_clips_norm(model, optimizer, x, *, limit):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), limit)
    optimizer.step()
    return loss.item()


@mistake(sentences.CLIPPED, limit=(0.5, 1.0, 2.0, 5.0, 10.0, 100.0))
def step_clips_values(model, optimizer, x, *, limit):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), limit)
    optimizer.step()
    return loss.item()


@mistake("The parameters did not change: does the optimizer take a step, and after the gradient is there?")
def step_forgotten(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    return loss.item()


@mistake(sentences.GRADIENTS_OFF, kind="care")
def step_leaves_gradients_off(*args, **kwargs):
    result = true(*args, **kwargs)
    torch.set_grad_enabled(False)
    return result


def step_of(kind, model, x, **options):
    model.train()
    optimizer = getattr(torch.optim, kind)(model.parameters(), **options)
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


@mistake(sentences.OWN_OPTIMIZER, rate=RATES)
def step_of_own_adam(model, optimizer, x, *, rate):
    return step_of("Adam", model, x, lr=rate)


@mistake(sentences.OWN_OPTIMIZER, rate=RATES)
def step_of_own_adamw(model, optimizer, x, *, rate):
    return step_of("AdamW", model, x, lr=rate)


@mistake(sentences.OWN_OPTIMIZER, rate=RATES)
def step_of_own_sgd(model, optimizer, x, *, rate):
    return step_of("SGD", model, x, lr=rate)


@mistake(sentences.OWN_OPTIMIZER)
def step_of_own_optimizer(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"]).step()
    return loss.item()


@mistake(sentences.PRINTED, kind="care")
def step_prints(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    print(loss.item())
    return loss.item()


@mistake("Draw and seed nothing here: what is random is the model's own.", kind="care")
def step_reseeds(*args, **kwargs):
    torch.manual_seed(0)
    result = true(*args, **kwargs)
    return result


@mistake(sentences.OWN_OPTIMIZER)
def step_without_memory(model, optimizer, x):
    model.train()
    optimizer.state.clear()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


@mistake(
    "The loss was computed in evaluation mode. Layers such as dropout behave differently in training: switch "
    "the model first."
)
def training_mode_forgotten(model, optimizer, x):
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


@mistake("The step was twice as long: two steps with one gradient, or a gradient that was added up twice.")
def two_steps(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    optimizer.step()
    return loss.item()


@mistake("The gradient that was there before the call took part in the step. Clear it before the backward pass.")
def zero_grad_after_step(model, optimizer, x):
    model.train()
    loss = model(x)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


@mistake("The parameters did not change: does the optimizer take a step, and after the gradient is there?")
def zero_grad_before_step(model, optimizer, x):
    model.train()
    loss = model(x)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


@mistake("The gradient that was there before the call took part in the step. Clear it before the backward pass.")
def zero_grad_forgotten(model, optimizer, x):
    model.train()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


@mistake("The step used the gradient that was there before the call, not the one of this batch.")
def step_of_the_gradient_before(model, optimizer, x):
    model.train()
    optimizer.step()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    return loss.item()


@mistake("The optimizer took two steps.")
def two_whole_steps(model, optimizer, x):
    value = true(model, optimizer, x)
    true(model, optimizer, x)
    return value


@mistake("The step goes up the loss instead of down.")
def step_upwards(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    (-loss).backward()
    optimizer.step()
    return loss.item()


@mistake("This is the loss in evaluation mode: switch the model to training first.")
def loss_in_evaluation_mode(model, optimizer, x):
    model.eval()
    value = model(x).item()
    true(model, optimizer, x)
    return value


@mistake("The loss is multiplied by the number of images.")
def loss_times_images(model, optimizer, x):
    return true(model, optimizer, x) * len(x)


@mistake("The sign of the loss is turned round.")
def loss_sign_turned(model, optimizer, x):
    return -true(model, optimizer, x)
