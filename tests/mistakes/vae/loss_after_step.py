"""The loss is computed anew after the step."""

FAILS = {"train_step"}
HINT = "loss after the step"
ALSO = ("Compute the loss once",)


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    model(x).backward()
    optimizer.step()
    return model(x).item()
