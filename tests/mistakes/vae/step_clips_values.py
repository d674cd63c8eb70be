"""The gradient's entries are clipped."""

FAILS = {"train_step"}
HINT = "is clipped"


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    nn.utils.clip_grad_value_(model.parameters(), 10.0)
    optimizer.step()
    return loss.item()
