"""The optimizer takes no step."""

FAILS = {"train_step"}
HINT = "does the optimizer take a step"


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    return loss.item()
