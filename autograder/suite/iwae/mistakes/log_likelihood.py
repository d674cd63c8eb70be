"""What is got wrong in log_likelihood; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake(sentences.MEMORY_GROWS, kind="care")
@torch.no_grad()
def likelihood_all_at_once(model, x, num_samples, chunk_size, generator=None):
    size = num_samples
    return iwae_bound(
        log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
    )


@mistake(sentences.MEMORY_GROWS, kind="care")
@torch.no_grad()
def likelihood_all_noise_at_once(model, x, num_samples, chunk_size, generator=None):
    size = num_samples
    noise = torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype)
    return iwae_bound(torch.cat([log_weights(model, x, eps) for eps in noise.split(chunk_size)]))


@mistake(
    "The images are averaged into one number. Keep one value for every image.",
    also_said=["One bound for every image", "One value for every image"],
)
@torch.no_grad()
def likelihood_averaged_over_batch(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks)).mean()


@mistake(
    "The bounds of the chunks are averaged. That is the bound with chunk_size samples, which lies lower: keep "
    "the logarithm of the sum of the weights over all chunks, and divide once.",
    keeps={"log_likelihood": (0.3, 0.5)},
)
@torch.no_grad()
def likelihood_chunk_bounds_averaged(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.stack([iwae_bound(chunk) for chunk in chunks]).mean(0)


@mistake(
    "The bounds of the chunks are averaged, each by its size. That still is no bound with num_samples: the sum "
    "of the weights over all chunks is asked for, and its logarithm in the end."
)
@torch.no_grad()
def likelihood_chunk_bounds_weighted(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return sum(len(chunk) * iwae_bound(chunk) for chunk in chunks) / num_samples


@mistake("The logarithm of chunk_size is subtracted where that of num_samples belongs.")
@torch.no_grad()
def likelihood_chunk_counted(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.logsumexp(torch.cat(chunks), 0) - math.log(chunk_size)


@mistake("The means of the chunks are averaged as if all chunks had one size; the last may be smaller.")
@torch.no_grad()
def likelihood_chunks_equal(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.stack([iwae_bound(chunk) for chunk in chunks]))


@mistake(sentences.LOG_K_SIGN, keeps={"log_likelihood": (0.3, 0.5)})
@torch.no_grad()
def likelihood_count_added(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.logsumexp(torch.cat(chunks), 0) + math.log(num_samples)


@mistake("log num_samples is missing: the weights are summed, where their mean is asked.")
@torch.no_grad()
def likelihood_count_missing(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.logsumexp(torch.cat(chunks), 0)


@mistake("The log weights are averaged: this is the ELBO.")
@torch.no_grad()
def likelihood_elbo(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.cat(chunks).mean(0)


@mistake(sentences.GENERATOR_IGNORED, kind="care")
@torch.no_grad()
def likelihood_generator_ignored(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=None, dtype=x.dtype)))
    return iwae_bound(torch.cat(chunks))


@mistake(sentences.OTHER_DTYPE, kind="care")
@torch.no_grad()
def likelihood_in_float64(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks).double())


@mistake("The last chunk is as large as the others: the sum is one of more than num_samples samples.")
@torch.no_grad()
def likelihood_last_chunk_filled(model, x, num_samples, chunk_size, generator=None):
    total = torch.full((len(x),), -math.inf, dtype=x.dtype)
    for _ in range(0, num_samples, chunk_size):
        size = chunk_size
        total = torch.logaddexp(
            total,
            torch.logsumexp(
                log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype)),
                0,
            ),
        )
    return total - math.log(num_samples)


@mistake(sentences.MODE_CHANGED, kind="care")
@torch.no_grad()
def likelihood_leaves_evaluation_mode(model, x, num_samples, chunk_size, generator=None):
    model.eval()
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks))


@mistake(sentences.GRADIENTS_OFF, kind="care")
def likelihood_leaves_gradients_off(*args, **kwargs):
    torch.set_grad_enabled(False)
    result = true(*args, **kwargs)
    return result


@mistake(sentences.MODE_CHANGED, kind="care")
def likelihood_leaves_training_mode(*args, **kwargs):
    result = true(*args, **kwargs)
    args[0].decoder.train()
    return result


@mistake(sentences.NOISE_REPEATED)
@torch.no_grad()
def likelihood_noise_repeated(model, x, num_samples, chunk_size, generator=None):
    size = chunk_size
    noise, chunks = torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype), []
    for start in range(0, num_samples, chunk_size):
        chunks.append(log_weights(model, x, noise[: num_samples - start]))
    return iwae_bound(torch.cat(chunks))


@mistake(sentences.NOISE_REPEATED)
@torch.no_grad()
def likelihood_noise_shared_by_images(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(
                model,
                x,
                torch.randn(size, 1, model.latent_dim, generator=generator, dtype=x.dtype).expand(size, len(x), -1),
            )
        )
    return iwae_bound(torch.cat(chunks))


@mistake("Only the first chunk counts.", also_said=[sentences.SAMPLES_LEFT_OUT])
@torch.no_grad()
def likelihood_of_one_chunk(model, x, num_samples, chunk_size, generator=None):
    size = min(chunk_size, num_samples)
    return iwae_bound(
        log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
    )


@mistake(sentences.PRINTED, kind="care")
@torch.no_grad()
def likelihood_prints(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    print(len(chunks))
    return iwae_bound(torch.cat(chunks))


@mistake(
    "The samples that do not fill a chunk are left out of the sum, but counted in the mean.",
    also_said=["Fewer than num_samples"],
)
@torch.no_grad()
def likelihood_remainder_dropped(model, x, num_samples, chunk_size, generator=None):
    total = torch.full((len(x),), -math.inf, dtype=x.dtype)
    for _ in range(num_samples // chunk_size):
        size = chunk_size
        total = torch.logaddexp(
            total,
            torch.logsumexp(
                log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype)),
                0,
            ),
        )
    return total - math.log(num_samples)


@mistake(sentences.NOT_RANDOM, kind="care", also_said=["drawn from or seeded", "seed is set inside"])
@torch.no_grad()
def likelihood_reseeds(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    generator = torch.Generator().manual_seed(0)
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks))


@mistake(sentences.DEFAULT_DTYPE, kind="care")
def likelihood_sets_default_dtype(*args, **kwargs):
    torch.set_default_dtype(torch.float64)
    result = true(*args, **kwargs)
    return result


@mistake(sentences.SUM_ITSELF)
@torch.no_grad()
def likelihood_sum_of_weights(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return torch.log(sum(torch.exp(chunk).sum(0) for chunk in chunks) / num_samples)


@mistake(sentences.GRADIENT_LEFT, kind="care", also_said=["the graph of every chunk"])
def likelihood_with_gradient(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks))


@mistake(sentences.MEMORY_GROWS, kind="care")
def likelihood_with_graph(model, x, num_samples, chunk_size, generator=None):
    chunks = []
    for start in range(0, num_samples, chunk_size):
        size = min(chunk_size, num_samples - start)
        chunks.append(
            log_weights(model, x, torch.randn(size, len(x), model.latent_dim, generator=generator, dtype=x.dtype))
        )
    return iwae_bound(torch.cat(chunks)).detach()


def chunks_of(model, x, num_samples, chunk_size, generator, last=None):
    """Return the log weights of each chunk; `last`: the size of the last one."""
    sizes = [min(chunk_size, num_samples - start) for start in range(0, num_samples, chunk_size)]
    sizes[-1] = sizes[-1] if last is None else last
    shape = (len(x), model.latent_dim)
    found = []
    for size in filter(None, sizes):
        found.append(log_weights(model, x, torch.randn(size, *shape, generator=generator, dtype=x.dtype)))
    return found


@mistake("The bounds of the chunks are added up.")
@torch.no_grad()
def likelihood_chunk_bounds_added(model, x, num_samples, chunk_size, generator=None):
    return torch.stack([iwae_bound(chunk) for chunk in chunks_of(model, x, num_samples, chunk_size, generator)]).sum(0)


@mistake(
    "The samples that do not fill a chunk are left out: num_samples need not be a multiple of chunk_size.",
    also_said=[sentences.SAMPLES_LEFT_OUT],
)
@torch.no_grad()
def likelihood_remainder_left_out(model, x, num_samples, chunk_size, generator=None):
    left = num_samples % chunk_size
    return iwae_bound(torch.cat(chunks_of(model, x, max(chunk_size, num_samples - left), chunk_size, generator)))


@mistake("The last chunk is as large as the others, so that more than num_samples samples are used.")
@torch.no_grad()
def likelihood_chunks_all_full(model, x, num_samples, chunk_size, generator=None):
    return iwae_bound(torch.cat(chunks_of(model, x, num_samples, chunk_size, generator, last=chunk_size)))


@mistake("The logarithm of the number of chunks is subtracted where that of num_samples belongs.")
@torch.no_grad()
def likelihood_chunks_counted(model, x, num_samples, chunk_size, generator=None):
    chunks = chunks_of(model, x, num_samples, chunk_size, generator)
    return torch.logsumexp(torch.cat(chunks), 0) - math.log(len(chunks))


@mistake("log num_samples is subtracted for every chunk; once, in the end, is enough.")
@torch.no_grad()
def likelihood_counted_in_each_chunk(model, x, num_samples, chunk_size, generator=None):
    chunks = chunks_of(model, x, num_samples, chunk_size, generator)
    return torch.logsumexp(torch.cat(chunks), 0) - len(chunks) * math.log(num_samples)


@mistake("Only the last chunk counts.", also_said=[sentences.SAMPLES_LEFT_OUT])
@torch.no_grad()
def likelihood_of_last_chunk(model, x, num_samples, chunk_size, generator=None):
    return iwae_bound(chunks_of(model, x, num_samples, chunk_size, generator)[-1])


@mistake("Only the largest weight counts.")
@torch.no_grad()
def likelihood_of_largest_weight(model, x, num_samples, chunk_size, generator=None):
    log_w = torch.cat(chunks_of(model, x, num_samples, chunk_size, generator))
    return log_w.max(0).values - math.log(num_samples)


@mistake("This is the negative bound.")
@torch.no_grad()
def likelihood_negative(model, x, num_samples, chunk_size, generator=None):
    return -true(model, x, num_samples, chunk_size, generator)
