"""Print the contract with the DfE as OpenAPI 3.1, for `make contract`: the result is data/openapi.json.

The messages come from the models of `wire`; a test keeps the file current.
"""

import json
from typing import Any

from attsync.model import DATA_SET
from attsync.wire import Receipt, Rejection, Submission


def openapi() -> dict[str, Any]:
    """Describe the contract as OpenAPI 3.1."""
    models = (Submission, Receipt, Rejection)
    reference = "#/components/schemas/"
    schemas: dict[str, Any] = {}
    for model in models:
        schema = model.model_json_schema(ref_template=reference + "{model}")
        schemas |= schema.pop("$defs", {})
        schemas[model.__name__] = schema

    def answer(description: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
        content = {"content": {"application/json": {"schema": schema}}} if schema else {}
        return {"description": description} | content

    def look_up(summary: str, *fields: str) -> dict[str, Any]:
        row = {"type": "object", "properties": {field: {"type": "string"} for field in fields}}
        return {"get": {"summary": summary, "responses": {"200": answer(summary, {"type": "array", "items": row})}}}

    def header(name: str, *, required: bool) -> dict[str, Any]:
        return {"name": name, "in": "header", "required": required, "schema": {"type": "string"}}

    return {
        "openapi": "3.1.0",
        "info": {"title": "Attendances", "version": str(DATA_SET)},
        "paths": {
            "/attendances": {
                "post": {
                    "summary": "Send the counts of one school for one date",
                    "parameters": [
                        header("Ocp-Apim-Subscription-Key", required=False),
                        header("Idempotency-Key", required=False),
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": reference + "Submission"}}},
                    },
                    "responses": {
                        "201": answer(
                            "Stored; received in full only if errors is empty",
                            {"type": "array", "minItems": 1, "items": {"$ref": reference + "Receipt"}},
                        ),
                        "400": answer("Rejected", {"$ref": reference + "Rejection"}),
                        "401": answer("The token or the subscription key is missing or not known"),
                    },
                }
            },
            "/codes/attendance": look_up("List the attendance codes", "AttendanceCode", "AttendanceDescription"),
            "/codes/ncyeargroup": look_up("List the year groups", "YearGroupCode", "YearGroup"),
            "/provider/{urn}": {
                "get": {
                    "summary": "Show the school that a URN names",
                    "parameters": [{"name": "urn", "in": "path", "required": True, "schema": {"type": "integer"}}],
                    "responses": {
                        "200": answer("The school", {"type": "object", "properties": {"name": {"type": "string"}}}),
                        "404": answer("No school has this URN", {"$ref": reference + "Rejection"}),
                    },
                }
            },
        },
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


if __name__ == "__main__":
    print(json.dumps(openapi(), indent=1, ensure_ascii=False))  # noqa: T201
