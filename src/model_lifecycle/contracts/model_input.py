"""The columns that a model input table carries besides the features, under the same names in every case."""

DECISION_ID = "row_id"
DECISION_TIME = "row_decision_time"
LABEL_TIME = "row_label_time"
TARGET = "row_target"
OUTCOME = "row_outcome"
REASON = "row_reason"
SLICE = "row_slice_"  # before the name of each slice column

OBSERVED = "observed"
UNAVAILABLE = "unavailable"
PENDING = "pending"
