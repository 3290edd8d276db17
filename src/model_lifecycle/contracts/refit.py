"""What became of the model between the gates and the release."""

from pydantic import AwareDatetime

from model_lifecycle.contracts.base import Contract


class RefitReport(Contract):
    """Whether what ships was fitted anew, and what it shows against the evaluated model on the tested rows."""

    refitted: bool
    until: AwareDatetime | None = None
    loss_evaluated: float | None = None
    loss_refitted: float | None = None
    agreement: float | None = None

    def note(self) -> str:
        """Say it in words."""
        if self.until is None:
            return "The model that ships is the one that was evaluated."
        return (
            f"After the gates had passed, the model was fitted anew on all rows labelled by {self.until.isoformat()}, "
            "the tested ones too, with the same hyper-parameters, calibration and threshold. The figures on this card "
            f"are those of the evaluated model. On the tested rows, which it has seen, the refitted one has loss "
            f"{self.loss_refitted:.4f} (evaluated: {self.loss_evaluated:.4f}); the ranks agree by {self.agreement:.2f}."
        )


NOT_REFITTED = RefitReport(refitted=False)
