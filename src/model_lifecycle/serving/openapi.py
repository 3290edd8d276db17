"""The OpenAPI document, generated from the release's input contract."""

import math
import re

from model_lifecycle import __version__
from model_lifecycle.contracts.business_question import BusinessQuestion
from model_lifecycle.contracts.features import FeatureSpec
from model_lifecycle.contracts.table import LARGEST_INTEGER, ColumnContract, TableContract
from model_lifecycle.contracts.value import ActionValues
from model_lifecycle.serving.ids import ID_SCHEMA
from model_lifecycle.serving.settings import Limits
from model_lifecycle.serving.types import MAX_TEXT_LENGTH
from model_lifecycle.tasks import task_of

Json = dict[str, object]

_TYPES = {"category": "string", "integer": "integer", "number": "number", "boolean": "boolean", "time": "string"}
# The short spelling is for people at a terminal; programs should name the version.
_PREFIXES = ("/v1", "")
_SCORES: dict[str, Json] = {
    "binary": {"score": {"type": "number", "minimum": 0, "maximum": 1}},
    "regression": {"score": {"type": "number", "description": "The plan."}},
    "multiclass": {"score": {"type": "number", "description": "Expected gain over the default action."}},
}


_IDEMPOTENCY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A request that comes again with it gets the answer that it got before; with another body, 409.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}


def openapi_document(question: BusinessQuestion, contract: TableContract, spec: FeatureSpec, limits: Limits) -> Json:
    """Return the OpenAPI 3.1 document of a release.

    Parameters
    ----------
    question, contract, spec
        The release's business question, input contract and features.
    limits : Limits
        How many records a request may bring.
    """
    paths: Json = {}
    for prefix in _PREFIXES:
        for path, (method, content) in _operations().items():
            name = re.sub(r"\W+", "_", prefix + path).strip("_")
            paths[prefix + path] = {method: {**content, "operationId": f"{method}_{name}"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": question.question, "version": __version__, "description": _description(question)},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
            "schemas": _schemas(question, contract, spec, limits),
        },
    }


def _description(question: BusinessQuestion) -> str:
    answer = (
        "the answer is `act` from the release's threshold on"
        if question.task == "binary"
        else f"the rule of the answer: {task_of(question).rule()}"
    )
    return (
        f"Decision: {question.decision}. A record is scored as of its `{question.decision_time}` (now, when it is "
        f"left out); {answer}. Every prediction is in the log before it is answered."
    )


def column_schema(column: ColumnContract) -> Json:
    """Return the JSON schema of one input.

    Examples
    --------
    >>> column_schema(ColumnContract(type="number", minimum=0, unit="miles", example=300))
    {'type': 'number', 'minimum': 0.0, 'description': 'Unit: miles.', 'examples': [300]}
    """
    nullable = column.maximum_missing > 0 and column.type != "boolean"
    name = _TYPES[column.type]
    schema: Json = {"type": [name, "null"] if nullable else name}
    if column.type == "time":
        schema["format"] = "date-time"
    if column.type in ("integer", "number"):
        bounds = zip(("minimum", "maximum"), column.bounds, strict=True)
        schema |= {name: bound for name, bound in bounds if math.isfinite(bound)}
    if column.categories is not None:
        schema["enum"] = [*column.categories, None] if nullable else [*column.categories]
    elif name == "string":
        schema["maxLength"] = MAX_TEXT_LENGTH
    words = [column.description.rstrip(".")] if column.description else []
    words += [f"Unit: {column.unit}"] if column.unit else []
    if words:
        schema["description"] = ". ".join(words) + "."
    if column.example is not None:
        schema["examples"] = [column.example]
    return schema


def _schemas(question: BusinessQuestion, contract: TableContract, spec: FeatureSpec, limits: Limits) -> Json:
    columns = contract.columns
    optional = {question.decision_time} | {
        name for name, column in columns.items() if column.maximum_missing > 0 and column.type != "boolean"
    }
    example = {name: column.example for name, column in columns.items() if column.example is not None}
    record = {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in columns if name not in optional],
        "properties": {
            name: {**column_schema(column), **(ID_SCHEMA if name == question.decision_id else {})}
            for name, column in columns.items()
        },
        **({"examples": [example]} if example else {}),
    }
    return {
        "Record": record,
        "PredictRequest": _or_one(_object({"records": _many("Record", limits.rows)}, ["records"]), "Record"),
        "PredictAnswer": _or_one(_object({"predictions": _many("Prediction")}, ["predictions"]), "Prediction"),
        "ExplainRequest": _or_one(_explain_request(limits), "Record"),
        "ExplainAnswer": _or_one(_object({"explanations": _many("Explanation")}, ["explanations"]), "Explanation"),
        "Explanation": _explanation(question, columns[question.decision_id]),
        "Prediction": _prediction(question, columns[question.decision_id]),
        "FeedbackRequest": _object({"labels": _many("Label", limits.rows), "events": _many("Event", limits.rows)}, []),
        "Label": _label(question),
        "Event": {"anyOf": [_event(kind, spec) for kind in spec.events]} if spec.events else {"not": {}},
        "FeedbackAnswer": _object(
            {
                "labels": _counts("accepted", "duplicates", "corrections", "unknown"),
                "events": _counts("accepted", "duplicates"),
            },
            ["labels", "events"],
        ),
        "Problem": _problem(),
    }


def _prediction(question: BusinessQuestion, decision_id: ColumnContract) -> Json:
    names = {"type": "array", "items": {"type": "string"}}
    history = {
        "watermark": {"type": "integer", "description": "Sequence of the newest event that was seen."},
        "newest_known_at": {"type": ["string", "null"], "format": "date-time"},
        "complete": {"type": "boolean", "description": "False when the events do not reach back far enough."},
    }
    properties = {
        "prediction_id": {"type": "string"},
        question.decision_id: column_schema(decision_id),
        **_SCORES[question.task],
        "decision": {"type": "string", "description": task_of(question).rule()},
        "outputs": {"type": "object", "additionalProperties": {"type": "number"}},
        "release": {"type": "string"},
        "role": {"enum": ["champion", "canary"], "description": "Which part this release plays."},
        "action": {
            "type": "string",
            "description": "What shall be done: the decision, unless it was drawn by lot to withhold it.",
        },
        "propensity": {
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "description": "The probability that the action would be this one.",
        },
        "threshold": {
            "type": ["number", "null"],
            "description": "The score from which on anything but the default is decided; null where none decides.",
        },
        "history": _object(history, list(history)),
        "missing": {**names, "description": "Inputs that were missing."},
        "unknown": {**names, "description": "Inputs with a category that the release has never seen."},
    }
    return _object(properties, list(properties))


def _explain_request(limits: Limits) -> Json:
    top = {"type": "integer", "minimum": 1, "default": 10, "description": "Features to tell of each record."}
    return _object({"records": _many("Record", limits.explained_rows), "top": top}, ["records"])


def _explanation(question: BusinessQuestion, decision_id: ColumnContract) -> Json:
    amount: Json = {"type": "number"}
    if isinstance(question.value, ActionValues):
        amount = {"type": "object", "additionalProperties": amount, "description": "One number a class."}
    value = {"type": ["number", "string", "null"], "description": "As the model saw it."}
    contribution = {"feature": {"type": "string"}, "value": value, "contribution": amount}
    properties = {
        question.decision_id: column_schema(decision_id),
        "release": {"type": "string"},
        **_SCORES[question.task],
        "decision": {"type": "string"},
        "scale": {"type": "string", "description": "In which contributions add up."},
        "method": {"type": "string", "description": "`of the model`, or estimated by `permutations`."},
        "base": {**amount, "description": "What a record adds up from."},
        "margin": {**amount, "description": "Base, contributions and rest together: the model's raw output."},
        "contributions": {"type": "array", "items": _object(contribution, list(contribution))},
        "rest": {**amount, "description": "Of the features that are not told."},
        "watermark": {"type": "integer"},
    }
    return _object(properties, list(properties))


def _label(question: BusinessQuestion) -> Json:
    properties: Json = {
        "decision_id": {"type": "string", **ID_SCHEMA},
        "label_time": {"type": "string", "format": "date-time"},
        "outcome": {"enum": ["observed", "unavailable"]},
        "value": {**_values(question), "description": "The target, null when unavailable."},
        "reason": {
            "type": ["string", "null"],
            "maxLength": MAX_TEXT_LENGTH,
            "description": "Why it is unavailable.",
        },
    }
    return _object(properties, ["decision_id", "label_time", "outcome"])


def _values(question: BusinessQuestion) -> Json:
    if isinstance(question.value, ActionValues):
        return {"enum": [*question.value.classes, None]}
    return {"type": ["number", "null"]} if question.task == "regression" else {"enum": [0, 1, None]}


def _event(kind: str, spec: FeatureSpec) -> Json:
    declared = spec.events[kind]
    entity: Json = {
        "type": ["string", "integer", "null"],
        "minimum": -LARGEST_INTEGER,
        "maximum": LARGEST_INTEGER,
        "maxLength": MAX_TEXT_LENGTH,
    }
    payload: Json = dict.fromkeys(declared.entities, entity)
    payload |= {name: {"type": ["number", "null"]} for name in declared.values}
    minutes = declared.availability_lag.total_seconds() / 60
    known_at = f"From when on it may be used; by default {minutes:g} minutes after event_time."
    properties: Json = {
        "event_id": {"type": "string", **ID_SCHEMA},
        "kind": {"const": kind},
        "event_time": {"type": "string", "format": "date-time"},
        "known_at": {"type": ["string", "null"], "format": "date-time", "description": known_at},
        "payload": _object(payload, list(declared.entities)),
    }
    return _object(properties, ["event_id", "kind", "event_time", "payload"])


def _problem() -> Json:
    fault: Json = {name: {"type": "string"} for name in ("field", "found", "expected")}
    properties: Json = {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "Names this occurrence."},
        "error_count": {"type": "integer"},
        "errors": {"type": "array", "items": _object({"row": {"type": "integer"}, **fault}, ["row", *fault])},
    }
    return _object(properties, ["type", "title", "status", "detail"])


def _operations() -> dict[str, tuple[str, Json]]:
    secured: Json = {"security": [{"key": []}, {"bearer": []}]}
    faults = {
        "400": "The body is not JSON",
        "401": "The key is missing or wrong",
        "403": "The key is for something else",
        "408": "The body took too long",
        "413": "Too large",
        "415": "Not application/json",
        "422": "Wrong fields, each named",
        "503": "Cannot be answered now, see Retry-After",
    }
    busy = {"429": "Too many wait, see Retry-After"}
    keyless = {"401": faults["401"], "403": faults["403"]}
    return {
        "/predict": (
            "post",
            {
                **_posting("Predict", "Score records and decide", {**faults, **busy, "409": "The key came before"}),
                **secured,
                "parameters": [_IDEMPOTENCY],
            },
        ),
        "/explain": (
            "post",
            {**_posting("Explain", "Tell what moved the scores of records; not logged", {**faults, **busy}), **secured},
        ),
        "/feedback": (
            "post",
            {**_posting("Feedback", "Send labels and events; again is safe", {**faults, **busy}), **secured},
        ),
        "/model": ("get", {**_getting("The release in use", refusing=keyless), **secured}),
        "/metrics": ("get", {**_getting("Metrics for Prometheus", "text/plain", refusing=keyless), **secured}),
        "/healthz": ("get", _getting("Whether the process is alive")),
        "/readyz": ("get", _getting("Whether requests can be answered", failing={"503": "Not now"})),
        "/openapi.json": ("get", _getting("This document")),
        "/docs": ("get", _getting("This document, to read and to try", "text/html")),
    }


def _posting(name: str, summary: str, faults: dict[str, str]) -> Json:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": _content(f"{name}Request")},
        "responses": {
            "200": {"description": "Answered", "content": _content(f"{name}Answer")},
            **_problems(faults),
        },
    }


def _problems(faults: dict[str, str]) -> Json:
    content = _content("Problem", "application/problem+json")
    return {status: {"description": text, "content": content} for status, text in faults.items()}


def _getting(
    summary: str,
    kind: str = "application/json",
    failing: dict[str, str] | None = None,
    refusing: dict[str, str] | None = None,
) -> Json:
    answers = {"200": {"description": "Answered", "content": {kind: {}}}}
    others = {status: {"description": text, "content": {kind: {}}} for status, text in (failing or {}).items()}
    return {"summary": summary, "responses": {**answers, **others, **_problems(refusing or {})}}


def _content(name: str, kind: str = "application/json") -> Json:
    return {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _object(properties: Json, required: list[str]) -> Json:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


def _or_one(many: Json, name: str) -> Json:
    return {"anyOf": [many, {"$ref": f"#/components/schemas/{name}"}]}


def _many(name: str, limit: int | None = None) -> Json:
    items: Json = {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}
    return {**items, "maxItems": limit} if limit is not None else items


def _counts(*names: str) -> Json:
    return _object({name: {"type": "integer"} for name in names}, list(names))
