"""The step is one of Adam, made anew in every call."""

FAILS = {"train_step"}
HINT = "made inside the function"


def train_step(model, optimizer, x):
    model.train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()
