from model_lifecycle.reporting import text


def test_an_interval_without_bounds_is_its_estimate() -> None:
    assert (
        text.interval(
            {"estimate": 2.0, "lower": None, "upper": None, "level": 0.95, "n_blocks": 1, "n_effective": 1.0}, 1
        )
        == "2.0"
    )


def test_a_boundary_is_a_day_on_either_side_of_the_change_of_clocks() -> None:
    assert text.day("2013-03-01T05:00:00+00:00", "America/New_York") == "2013-03-01"
    assert text.day("2013-06-01T05:00:00+00:00", "America/New_York") == "2013-06-01 01:00 EDT"


def test_a_metric_that_is_not_known_keeps_its_name() -> None:
    assert text.metric_of("pinball_loss").label == "pinball loss"
