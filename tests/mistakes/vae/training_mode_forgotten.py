"""The mode of the model is left as it is."""

FAILS = {"train_step"}
HINT = "evaluation mode"


def train_step(model, optimizer, x):
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()
