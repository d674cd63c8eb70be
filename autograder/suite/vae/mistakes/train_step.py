"""What is got wrong in train_step; see autograder/judging/known.py for the form."""

from autograder.judging.mistakes import CLIPPED, OWN_OPTIMIZER, SAID


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


@mistake("Compute the loss once, and keep its value.")
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


@mistake(CLIPPED)
def step_clips_norm(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return loss.item()


@mistake(CLIPPED)
def step_clips_values(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), 10.0)
    optimizer.step()
    return loss.item()


@mistake("The parameters did not change: does the optimizer take a step, and after the gradient is there?")
def step_forgotten(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    return loss.item()


@mistake(SAID["gradients_off"])
def step_leaves_gradients_off(*args, **kwargs):
    result = true(*args, **kwargs)
    torch.set_grad_enabled(False)
    return result


@mistake(OWN_OPTIMIZER)
def step_of_own_adam(model, optimizer, x):
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()


@mistake(OWN_OPTIMIZER)
def step_of_own_optimizer(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"]).step()
    return loss.item()


@mistake(SAID["printed"])
def step_prints(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    print(loss.item())
    return loss.item()


@mistake("Draw and seed nothing here: what is random is the model's own.")
def step_reseeds(*args, **kwargs):
    torch.manual_seed(0)
    result = true(*args, **kwargs)
    return result


@mistake(OWN_OPTIMIZER)
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
