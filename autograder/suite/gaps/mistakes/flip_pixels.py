"""What is got wrong in flip_pixels; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


def checked(x, num_pixels):
    """Return the images as rows, where num_pixels is allowed."""
    if not 0 <= num_pixels <= x[0].numel():
        raise ValueError(num_pixels)
    return x.flatten(1)


def orders(x, generator):
    """Return a random order of the pixels of each image, (B, pixels)."""
    return torch.rand(len(x), x[0].numel(), generator=generator).argsort(-1)


@mistake(
    "Positions are drawn one by one and may repeat: then fewer pixels than num_pixels are flipped.",
    keeps={"flip_pixels": (0, 0.5)},
)
def flip_with_replacement(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    places = torch.randint(flat.shape[1], (len(x), num_pixels), generator=generator)
    return flat.scatter(1, places, 1 - flat.gather(1, places)).view_as(x)


@mistake(
    "Each pixel is flipped with the probability num_pixels / pixels: that is the number on average, and not in each image."
)
def flip_on_average(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    off = torch.rand(flat.shape, generator=generator) < num_pixels / flat.shape[1]
    return torch.where(off, 1 - flat, flat).view_as(x)


@mistake("All images get the same pixels. They are drawn for each image.")
def flip_the_same_in_all(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    places = torch.randperm(flat.shape[1], generator=generator)[:num_pixels].expand(len(x), -1)
    return flat.scatter(1, places, 1 - flat.gather(1, places)).view_as(x)


@mistake("The chosen pixels are set to 1. Flipping turns 0 into 1, and 1 into 0.")
def flip_sets_to_one(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    places = orders(x, generator)[:, :num_pixels]
    return flat.scatter(1, places, torch.ones_like(flat.gather(1, places))).view_as(x)


@mistake("The chosen pixels are drawn anew, so that half of them stay as they are. Flipping changes each of them.")
def flip_redraws(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    places = orders(x, generator)[:, :num_pixels]
    drawn = (torch.rand(places.shape, generator=generator) < 0.5).to(x.dtype)
    return flat.scatter(1, places, drawn).view_as(x)


@mistake("The chosen pixels become -x, and no image any more: 1 - x is the other value.")
def flip_signs(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    places = orders(x, generator)[:, :num_pixels]
    return flat.scatter(1, places, flat.gather(1, places) - 1).view_as(x)


@mistake("The pixels that are not chosen are flipped, and the chosen ones stay.")
def flip_the_others(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    places = orders(x, generator)[:, num_pixels:]
    return flat.scatter(1, places, 1 - flat.gather(1, places)).view_as(x)


@mistake("num_pixels pixels are flipped in the batch as a whole. They are to be flipped in each image.")
def flip_over_the_batch(x, num_pixels, generator=None):
    flat = checked(x, num_pixels).flatten()
    places = torch.randperm(len(flat), generator=generator)[:num_pixels]
    return flat.scatter(0, places, 1 - flat[places]).view_as(x)


@mistake("Neighbouring pixels are flipped together. Every set of pixels is to be as likely as any other.")
def flip_a_block(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    start = torch.randint(flat.shape[1], (len(x), 1), generator=generator)
    places = (start + torch.arange(num_pixels)) % flat.shape[1]
    return flat.scatter(1, places, 1 - flat.gather(1, places)).view_as(x)


@mistake("The first pixels are flipped in every image. They are to be drawn at random.")
def flip_the_first(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    return torch.cat([1 - flat[:, :num_pixels], flat[:, num_pixels:]], 1).view_as(x)


@mistake("One pixel too many is flipped.")
def flip_one_more(x, num_pixels, generator=None):
    flat = checked(x, num_pixels)
    places = orders(x, generator)[:, : num_pixels + 1]
    return flat.scatter(1, places, 1 - flat.gather(1, places)).view_as(x)


@mistake(sentences.IN_PLACE, kind="care")
def flip_in_place(x, num_pixels, generator=None):
    x.copy_(true(x, num_pixels, generator))
    return x.clone()


@mistake(sentences.GENERATOR_IGNORED, kind="care", also_said=[sentences.GLOBAL_USED])
def flip_generator_ignored(x, num_pixels, generator=None):
    return true(x, num_pixels)


@mistake(sentences.OTHER_DTYPE, kind="care")
def flip_in_float32(x, num_pixels, generator=None):
    return true(x, num_pixels, generator).float()


@mistake(sentences.PRINTED, kind="care")
def flip_prints(x, num_pixels, generator=None):
    print(num_pixels)
    return true(x, num_pixels, generator)


@mistake("num_pixels is from 0 to the number of pixels.", kind="refusal")
def flip_accepts_any_number(x, num_pixels, generator=None):
    return true(x, min(max(0, num_pixels), x[0].numel()), generator)
