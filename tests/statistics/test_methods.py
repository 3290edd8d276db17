import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, t

from model_lifecycle.statistics._methods import Autoregression, Cosines, Method, Mixture, autocorrelations
from model_lifecycle.statistics.coverage import autoregressions

LEVEL = 0.95
ALL: list[Method] = [Mixture(0.7), Cosines(4), Autoregression(), Autoregression(0.4)]


def series(days: int, dependence: float, worlds: int = 1, seed: int = 0) -> np.ndarray:
    found = autoregressions(worlds, days, dependence, np.random.default_rng(seed))
    return np.asarray(found - found.mean(axis=1, keepdims=True))


def test_as_many_cosines_as_there_are_make_the_t_interval_of_white_residuals() -> None:
    """All cosines of the residuals have together the residuals' own sum of squares."""
    days = series(30, 0.5)
    rho = autocorrelations(days, 2.0)[0]
    residuals = days[0, 1:] - rho * days[0, :-1]
    error = np.sqrt(np.var(residuals, ddof=1) / 30) / (1 - rho)
    assert Cosines(28).half_widths(days, LEVEL, 30.0)[0] == pytest.approx(t.ppf(0.975, 28) * error)


def test_few_cosines_are_those_of_the_definition() -> None:
    days = series(20, 0.3)
    rho = autocorrelations(days, 2.0)[0]
    residuals = days[0, 1:] - rho * days[0, :-1]
    terms = [
        np.sqrt(2 / 19) * sum(np.cos(np.pi * k * (i + 0.5) / 19) * residuals[i] for i in range(19)) for k in (1, 2)
    ]
    expected = t.ppf(0.975, 2) * np.sqrt(np.mean(np.square(terms)) / 20) / (1 - rho)
    assert Cosines(2).half_widths(days, LEVEL, 20.0)[0] == pytest.approx(expected)


def test_a_mixture_of_nothing_but_independence_is_the_t_interval() -> None:
    days = series(25, 0.0)
    expected = t.interval(LEVEL, 24, 0.0, days[0].std(ddof=1) / 5.0)[1]
    assert Mixture(1.0 - 1e-12).half_widths(days, LEVEL, 25.0)[0] == pytest.approx(expected, rel=1e-9)


def test_a_mixture_weighs_dependences_nearly_as_the_exact_likelihood_does() -> None:
    """Odds of autocorrelation 0.6 against 0.8, from the density of the differences of neighbours: they have no mean."""
    days = series(90, 0.6, seed=3)
    weights, _, _ = Mixture(1.0 / 21.0)._likely(days, 90.0)
    apart = np.abs(np.arange(90)[:, np.newaxis] - np.arange(90))
    changes = np.diff(np.eye(90), axis=0)

    def evidence(correlations: np.ndarray) -> float:
        """Log density of the differences, with the scale integrated out over 1 / scale."""
        spread = changes @ correlations @ changes.T
        found = changes @ days[0]
        squares = found @ np.linalg.solve(spread, found)
        return float(-np.linalg.slogdet(spread)[1] / 2 - 89 / 2 * np.log(squares))

    exact = evidence(0.6**apart) - evidence(0.8**apart)
    assert np.log(weights[0, 9] / weights[0, 13]) == pytest.approx(exact, abs=0.5)


def test_the_half_width_of_a_mixture_leaves_out_what_the_level_says() -> None:
    days = series(30, 0.5)
    weights, errors, freedom = Mixture(0.7)._likely(days, 30.0)
    half = Mixture(0.7).half_widths(days, LEVEL, 30.0)[0]

    def density(far: float) -> float:
        return float(np.sum(weights[0] * t.pdf(far / errors[0], freedom) / errors[0]))

    assert quad(density, -half, half)[0] == pytest.approx(LEVEL, abs=1e-6)


def test_a_mixture_that_expects_dependence_is_wider() -> None:
    days = series(30, 0.3, worlds=50)
    widths = [Mixture(share).half_widths(days, LEVEL, 30.0) for share in (0.9, 0.6, 0.3)]
    assert (widths[0] < widths[1]).all()
    assert (widths[1] < widths[2]).all()


def test_the_variance_of_a_mean_under_a_dependence_is_that_of_its_correlations() -> None:
    noise, rho = 0.25, 0.6
    apart = np.abs(np.arange(30)[:, np.newaxis] - np.arange(30))
    correlations = (1 - noise) * rho**apart + noise * np.eye(30)
    worlds = multivariate_normal(np.zeros(30), correlations).rvs(20_000, random_state=1)
    weights, errors, _ = Mixture(0.5)._likely(worlds, 30.0)
    assert weights.shape == (20_000, 21)
    expected = np.sqrt(np.mean(errors[:, 10] ** 2))  # 0.6 is the third autocorrelation, 25% its second share of noise
    assert expected == pytest.approx(worlds.mean(axis=1).std(), rel=0.05)


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_an_interval_holds_what_lies_within_its_half_width(method: Method) -> None:
    days = series(30, 0.5, worlds=20)
    half = method.half_widths(days, LEVEL, 30.0)
    assert method.holds(days, half * 0.999, LEVEL, 30.0).all()
    assert not method.holds(days, half * 1.001, LEVEL, 30.0).any()


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_the_unit_of_the_series_is_that_of_the_interval(method: Method) -> None:
    days = series(30, 0.5, worlds=5)
    scaled = method.half_widths(days * 1000.0, LEVEL, 30.0)
    assert scaled == pytest.approx(1000.0 * method.half_widths(days, LEVEL, 30.0))


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_blocks_all_alike_leave_no_width(method: Method) -> None:
    assert method.half_widths(np.zeros((2, 30)), LEVEL, 30.0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("method", ALL, ids=lambda method: method.name)
def test_unequal_blocks_widen_the_interval(method: Method) -> None:
    days = series(30, 0.2)
    assert method.half_widths(days, LEVEL, 3.0)[0] > method.half_widths(days, LEVEL, 30.0)[0]
