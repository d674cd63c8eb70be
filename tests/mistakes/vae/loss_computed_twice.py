"""The loss is computed once for the step and once more for the return value."""

FAILS = {"train_step"}
HINT = "Compute the loss once"


def train_step(model, optimizer, x):
    model.train()
    value = model(x).item()
    optimizer.zero_grad()
    model(x).backward()
    optimizer.step()
    return value
