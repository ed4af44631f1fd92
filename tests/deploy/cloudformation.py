"""CloudFormation as far as deploying goes, and strict: it refuses what AWS refuses, and takes its time as AWS does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

from tests.samples import ACCOUNT, REGION

MODEL = botocore.session.get_session().get_service_model("cloudformation")
OPERATIONS = {xform_name(name): name for name in MODEL.operation_names}
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
UPDATABLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
OWN = "AWS::CloudFormation::Stack"
Template = dict[str, Any]


@dataclass
class ChangeSet:
    """One change set: what it would make of its stack, and how often it was looked at."""

    id: str
    stack: StackOf
    kind: str
    template: Template
    parameters: dict[str, str]
    imports: bool
    looks: int = 0


@dataclass
class StackOf:
    """One stack. Events happen one at a time, when somebody looks; its state follows them."""

    name: str
    id: str
    status: str = "REVIEW_IN_PROGRESS"
    template: Template = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    coming: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    protected: bool = False
    shown: str = ""


class CloudFormation:
    """A client. `failing`, `replaced`, `denied` and `existing` say what goes wrong, and what is there already."""

    def __init__(self) -> None:
        self.stacks: dict[str, StackOf] = {}
        self.change_sets: dict[str, ChangeSet] = {}
        self.urls: dict[str, str] = {}
        self.failing: dict[str, str] = {}
        self.replaced: dict[str, str] = {}
        self.denied: set[str] = set()
        self.existing: set[str] = set()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refusal = ""
        self.meta = SimpleNamespace(method_to_api_mapping=OPERATIONS)
        self._number = 0

    def can_paginate(self, _operation: str) -> bool:
        return False

    def __getattr__(self, operation: str) -> Any:
        if operation not in OPERATIONS:
            raise AttributeError(operation)
        handler = getattr(self, f"_{operation}")

        def call(**params: Any) -> dict[str, Any]:
            shape: Any = MODEL.operation_model(OPERATIONS[operation]).input_shape
            report = ParamValidator().validate(params, shape)
            if report.has_errors():
                raise ParamValidationError(report=report.generate_report())
            self.calls.append((operation, params))
            if operation in self.denied:
                action = f"cloudformation:{OPERATIONS[operation]}"
                raise self._error("AccessDenied", f"User: x is not authorized to perform: {action}", operation)
            found = handler(**{xform_name(name): value for name, value in params.items()})
            return {**(found or {}), "ResponseMetadata": {}}

        return call

    def called(self, operation: str) -> list[dict[str, Any]]:
        """The parameters of every call of an operation."""
        return [params for name, params in self.calls if name == operation]

    # Reading

    def _list_stacks(self) -> dict[str, Any]:
        # Those that are gone are listed for ninety days.
        return {"StackSummaries": [{"StackName": one.name, "StackStatus": one.status} for one in self.stacks.values()]}

    def _describe_stacks(self, stack_name: str) -> dict[str, Any]:
        stack = self._stack(stack_name, gone=stack_name.startswith("arn:"))
        shown, stack.shown = stack.shown or stack.status, ""
        parameters = [
            {"ParameterKey": name, "ParameterValue": "****" if self._secret(stack, name) else value}
            for name, value in stack.parameters.items()
        ]
        outputs = [{"OutputKey": name, "OutputValue": name} for name in stack.template.get("Outputs", {})]
        found = {"StackName": stack.name, "StackId": stack.id, "StackStatus": shown, "Outputs": outputs}
        return {"Stacks": [{**found, "Parameters": parameters, "EnableTerminationProtection": stack.protected}]}

    def _describe_stack_events(self, stack_name: str) -> dict[str, Any]:
        stack = self._stack(stack_name, gone=True)
        if stack.coming:
            event, status = stack.coming.pop(0)
            # The state is read a moment later than the event, and is the old one then.
            stack.events.append(event)
            stack.shown, stack.status = stack.status, status
            if status == "DELETE_COMPLETE":
                stack.shown = ""
        return {"StackEvents": list(reversed(stack.events))}

    def _list_stack_resources(self, stack_name: str) -> dict[str, Any]:
        stack = self._stack(stack_name)
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": name,
                    "PhysicalResourceId": f"{stack.name}-{name}",
                    "ResourceType": one["Type"],
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for name, one in stack.template.get("Resources", {}).items()
            ]
        }

    def _get_template(self, stack_name: str) -> dict[str, Any]:
        return {"TemplateBody": json.loads(json.dumps(self._stack(stack_name).template))}

    def _describe_change_set(self, change_set_name: str) -> dict[str, Any]:
        found = self._change_set(change_set_name)
        found.looks += 1
        if found.looks < 3:
            return {"Status": ("CREATE_PENDING", "CREATE_IN_PROGRESS")[found.looks - 1]}
        if self.refusal:
            return {"Status": "FAILED", "StatusReason": self.refusal}
        changes = list(self._changes(found))
        if found.kind == "UPDATE" and not changes:
            return {"Status": "FAILED", "StatusReason": NO_CHANGES}
        return {
            "Status": "CREATE_COMPLETE",
            "Changes": [{"Type": "Resource", "ResourceChange": one} for one in changes],
        }

    # Changing

    def _create_change_set(self, **given: Any) -> dict[str, Any]:
        name, kind = given["stack_name"], given["change_set_type"]
        there = self.stacks.get(name)
        if there and there.status == "DELETE_COMPLETE":
            there = None
        if kind == "UPDATE":
            if there is None:
                raise self._missing(name)
            if there.status not in UPDATABLE:
                raise self._invalid(f"Stack:{there.id} is in {there.status} state and can not be updated.")
        elif there and there.status != "REVIEW_IN_PROGRESS":
            raise self._invalid(f"Stack [{name}] already exists and cannot be created again with the changeSet")
        template = json.loads(self.urls[given["template_url"]])
        named = [one for one in template["Resources"].values() if "RoleName" in one.get("Properties", {})]
        if named and "CAPABILITY_NAMED_IAM" not in given.get("capabilities", []):
            raise self._error("InsufficientCapabilitiesException", "Requires capabilities", "create_change_set")
        parameters = self._given(template, given["parameters"], there)
        self._number += 1
        stack = there or StackOf(name, f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/{self._number}")
        self.stacks[name] = stack
        found = ChangeSet(
            f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{given['change_set_name']}/{self._number}",
            stack, kind, template, parameters, given.get("import_existing_resources", False),
        )  # fmt: skip
        self.change_sets[found.id] = found
        return {"Id": found.id, "StackId": stack.id}

    def _delete_change_set(self, change_set_name: str) -> None:
        del self.change_sets[self._change_set(change_set_name).id]

    def _execute_change_set(self, change_set_name: str, retain_except_on_create: bool = False) -> None:
        found = self.change_sets.pop(self._change_set(change_set_name).id)
        if found.looks < 3:
            raise self._error("InvalidChangeSetStatus", "the change set is not complete", "execute_change_set")
        stack, doing = found.stack, "CREATE" if found.kind == "CREATE" else "UPDATE"
        self._come(stack, stack.name, f"{doing}_IN_PROGRESS", OWN)
        for one in self._changes(found):
            name, kind = one["LogicalResourceId"], one["ResourceType"]
            verb = {"Add": "CREATE", "Remove": "DELETE", "Import": "IMPORT"}.get(one["Action"], "UPDATE")
            taken = self._table(found.template["Resources"].get(name, {}), found.parameters)
            reason = self.failing.get(name, f"{taken} already exists" if verb == "CREATE" and taken else "")
            if reason:
                # Of one second, those that were cancelled may stand before the one that failed.
                self._come(stack, "Other", f"{verb}_FAILED", "AWS::X", "Resource creation cancelled", doing)
                self._come(stack, name, f"{verb}_FAILED", kind, reason, doing)
                back = "ROLLBACK" if doing == "CREATE" else "UPDATE_ROLLBACK"
                self._come(stack, stack.name, f"{back}_IN_PROGRESS", OWN, "The following resource(s) failed")
                self._come(stack, stack.name, f"{back}_COMPLETE", OWN)
                if doing == "CREATE" and not retain_except_on_create:
                    self.existing |= set(self._retained(found.template, found.parameters))
                return
            self._come(stack, name, f"{verb}_COMPLETE", kind, doing=doing)
        stack.template, stack.parameters = found.template, found.parameters
        self.existing -= set(self._retained(found.template, found.parameters))
        self._come(stack, stack.name, f"{doing}_COMPLETE", OWN)

    def _delete_stack(self, stack_name: str) -> None:
        stack = self._stack(stack_name)
        if stack.protected:
            raise self._invalid(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.status == "REVIEW_IN_PROGRESS":
            stack.status = "DELETE_COMPLETE"
            return
        self._come(stack, stack.name, "DELETE_IN_PROGRESS", OWN)
        for name, reason in self.failing.items():
            self._come(stack, name, "DELETE_FAILED", "AWS::X", reason, "DELETE")
            self._come(stack, stack.name, "DELETE_FAILED", OWN, f"The following resource(s) failed to delete: [{name}]")
            return
        self._come(stack, stack.name, "DELETE_COMPLETE", OWN)
        self.existing |= set(self._retained(stack.template, stack.parameters))

    # How it goes

    def _changes(self, found: ChangeSet) -> Iterator[dict[str, Any]]:
        old, new = found.stack.template.get("Resources", {}), found.template["Resources"]
        for name in sorted({*old, *new}):
            about = {"LogicalResourceId": name, "ResourceType": (new.get(name) or old[name])["Type"]}
            if name not in old:
                taken = self._table(new[name], found.parameters)
                kept = found.imports and taken and new[name].get("DeletionPolicy") == "Retain"
                literal = isinstance(new[name].get("Properties", {}).get("TableName"), str)
                yield {**about, "Action": "Import" if kept and literal else "Add"}
            elif name not in new:
                policy = old[name].get("DeletionPolicy", "Delete")
                yield {**about, "Action": "Remove", "PolicyAction": policy, "Details": []}
            elif (old[name], found.stack.parameters) != (new[name], found.parameters):
                replaced = self.replaced.get(name, "False")
                target = {"Target": {"Attribute": "Properties", "Name": "Code"}}
                yield {**about, "Action": "Modify", "Replacement": replaced, "Details": [target]}

    def _retained(self, template: Template, parameters: Mapping[str, str]) -> Iterator[str]:
        for one in template.get("Resources", {}).values():
            if one.get("DeletionPolicy") == "Retain" and "TableName" in one.get("Properties", {}):
                yield self._name(one["Properties"]["TableName"], parameters)

    def _table(self, resource: Mapping[str, Any], parameters: Mapping[str, str]) -> str:
        """The name of a table that is there already, or an empty text."""
        name = resource.get("Properties", {}).get("TableName")
        whole = self._name(name, parameters) if name else ""
        return whole if whole in self.existing else ""

    def _name(self, value: Any, parameters: Mapping[str, str]) -> str:
        return value if isinstance(value, str) else str(value["Fn::Sub"]).replace("${Stage}", parameters["Stage"])

    def _given(self, template: Template, parameters: list[dict[str, Any]], there: StackOf | None) -> dict[str, str]:
        declared, found = template.get("Parameters", {}), {}
        for one in parameters:
            name = one["ParameterKey"]
            if name not in declared:
                raise self._invalid(f"Parameters: [{name}] do not exist in the template")
            if one.get("UsePreviousValue"):
                if there is None or name not in there.parameters:
                    raise self._invalid(f"Invalid input for parameter key {name}")
                found[name] = there.parameters[name]
            else:
                found[name] = one["ParameterValue"]
        for name, one in declared.items():
            if name not in found and "Default" not in one:
                raise self._invalid(f"Parameters: [{name}] must have values")
            found.setdefault(name, str(one.get("Default")))
        return found

    def _come(self, stack: StackOf, logical: str, status: str, kind: str, reason: str = "", doing: str = "") -> None:
        self._number += 1
        event = {
            "EventId": str(self._number),
            "LogicalResourceId": logical,
            "ResourceType": kind,
            "ResourceStatus": status,
            **({"ResourceStatusReason": reason} if reason else {}),
        }
        stack.coming.append((event, status if kind == OWN else f"{doing}_IN_PROGRESS"))

    def _secret(self, stack: StackOf, name: str) -> bool:
        return bool(stack.template.get("Parameters", {}).get(name, {}).get("NoEcho"))

    def _stack(self, name: str, *, gone: bool = False) -> StackOf:
        for stack in self.stacks.values():
            if name in (stack.name, stack.id) and (gone or stack.status != "DELETE_COMPLETE"):
                return stack
        raise self._missing(name)

    def _change_set(self, name: str) -> ChangeSet:
        if name not in self.change_sets:
            raise self._error("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", "describe_change_set")
        return self.change_sets[name]

    def _missing(self, name: str) -> ClientError:
        return self._invalid(f"Stack with id {name} does not exist")

    def _invalid(self, text: str) -> ClientError:
        return self._error("ValidationError", text, "any")

    def _error(self, code: str, text: str, operation: str) -> ClientError:
        return ClientError({"Error": {"Code": code, "Message": text}}, OPERATIONS.get(operation, operation))
