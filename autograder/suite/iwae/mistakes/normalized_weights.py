"""What is got wrong in normalized_weights; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake(sentences.DETACHED, kind="gradient")
def shares_detached(log_w):
    return torch.softmax(log_w, 0).detach()


@mistake("These are the logarithms of the shares.")
def shares_logarithmic(log_w):
    return torch.log_softmax(log_w, 0)


@mistake("exp(-10,000) rounds to zero and exp(10,000) to infinity: take the largest out before the exponentials.")
def shares_not_shifted(log_w):
    return torch.exp(log_w) / torch.exp(log_w).sum(0)


@mistake("The log weights are divided by their sum: take the exponentials first.")
def shares_of_logarithms(log_w):
    return log_w / log_w.sum(0)


@mistake("All weights of the batch share one sum. It is the samples of one image that share the sum.")
def shares_over_all(log_w):
    return torch.softmax(log_w.flatten(), 0).reshape(log_w.shape)


@mistake("The weights sum to one over the images. It is the samples of one image that share the sum.")
def shares_over_images(log_w):
    return torch.softmax(log_w, -1)


@mistake(sentences.PRINTED, kind="care")
def shares_print(log_w):
    print("shares")
    return torch.softmax(log_w, 0)


@mistake("The largest weight of an image is one: these are not divided by their sum yet.")
def shares_scaled_only(log_w):
    return torch.exp(log_w - log_w.amax(0))


@mistake("These are the weights as they come: divide them by their sum.")
def shares_unnormalized(log_w):
    return torch.exp(log_w)


@mistake("The weights have mean one over the samples; it is their sum that is to be one.")
def shares_of_mean_one(log_w):
    return torch.softmax(log_w, 0) * len(log_w)


@mistake("The least likely sample weighs most: look at the sign.")
def shares_sign(log_w):
    return torch.softmax(-log_w, 0)


@mistake("All samples weigh the same.")
def shares_equal(log_w):
    return torch.full_like(log_w, 1 / len(log_w))
