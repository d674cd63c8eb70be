"""Hidden tests of the trained models of iwae."""

from autograder.judging.rubric import Partial, worth
from autograder.kernel.failures import StudentError
from autograder.suite.asking import judge


@worth("trained_iwae", 1.5)
def test_trained_iwae_with_5_samples(trained):
    """iwae_k5 reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("iwae_k5"))


@worth("trained_iwae", 1.5)
def test_trained_iwae_with_50_samples(trained):
    """iwae_k50 reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("iwae_k50"))


@worth("trained_iwae")
def test_trained_vaes_to_compare_with(trained):
    """vae_k1, vae_k5 and vae_k50 do the same; given code trains them, so they count where there is an iwae_k5 to
    compare with."""
    trained("iwae_k5")
    names, credit, said = ("vae_k1", "vae_k5", "vae_k50"), 0.0, []
    for name in names:
        try:
            judge(trained(name))
            credit += 1 / len(names)
        except Partial as partial:
            credit += partial.credit / len(names)
            said.append(str(partial))
        except StudentError as error:
            said.append(str(error))
    if said:
        raise Partial(credit, " ".join(said))
