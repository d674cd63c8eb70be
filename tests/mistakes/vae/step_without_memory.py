"""The optimizer's state is cleared before every step."""

FAILS = {"train_step"}
HINT = "made inside the function"


def train_step(model, optimizer, x):
    model.train()
    optimizer.state.clear()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()
