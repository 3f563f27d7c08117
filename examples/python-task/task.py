"""A mapping of Task that a customer could have written in Python: tasks are read with
their priority in one word, and an action item becomes a task whose subject says from
which meeting it is.

Build it with `efficlose plugin build examples/python-task`.
"""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import object as contract
from wit_world.imports import log

Text, Null = contract.Value_Text, contract.Value_Null
SUBJECT_MAX = 255

# Which field of Salesforce becomes which column, in order.
FIELDS = [
    ("name", "Subject", contract.ColumnType.TEXT),
    ("status", "Status", contract.ColumnType.TEXT),
    ("closed", "IsClosed", contract.ColumnType.BOOLEAN),
    ("due_on", "ActivityDate", contract.ColumnType.DATE),
    ("priority", "Priority", contract.ColumnType.TEXT),
    ("owner_id", "OwnerId", contract.ColumnType.TEXT),
]
WORDS = {"High": "now", "Normal": "soon", "Low": "some day"}


class Object(exports.Object):
    def configure(self, settings: list[contract.Setting]) -> contract.Spec:
        for setting in settings:
            message = f"there is no setting {setting.name}"
            raise Err(contract.Problem(message, setting.name, "Remove it."))
        overwrite, ours = contract.Policy.OVERWRITE, contract.Policy.OURS_UNTIL_EDITED
        return contract.Spec(
            object="Task",
            kind=contract.Kind.TASK,
            reads=[contract.Need(path, False) for _, path, _ in FIELDS],
            filter=None,
            columns=[contract.Column(name, of) for name, _, of in FIELDS],
            writes=[
                contract.Write("Subject", True, ours),
                contract.Write("Status", True, overwrite),
                contract.Write("ActivityDate", True, ours),
            ],
        )

    def pull(self, records: contract.Table) -> list[contract.Pulled]:
        places = [records.columns.index(path) if path in records.columns else None for _, path, _ in FIELDS]
        return [contract.Pulled_Mapped(entity(row, places)) for row in records.rows]

    def push(self, requests: list[contract.Request]) -> list[contract.Pushed]:
        log.write(log.Level.DEBUG, f"{len(requests)} action items")
        return [written(request) for request in requests]


def entity(row: list[contract.Value], places: list[int | None]) -> list[contract.Value]:
    values = [Null() if place is None else row[place] for place in places]
    priority = values[4]
    if isinstance(priority, Text):
        values[4] = Text(WORDS.get(priority.value, priority.value.lower()))
    return values


def written(request: contract.Request) -> contract.Pushed:
    item = request.action_item
    if item is None:
        return contract.Pushed_Skipped("a task is made of an action item, and there is none")
    subject = f"{request.meeting.title}: {item.text}"[:SUBJECT_MAX]
    fields = [
        contract.Field("Subject", Text(subject)),
        contract.Field("Status", Text("Completed" if item.done else "Not Started")),
    ]
    if item.due_on is not None:
        fields.append(contract.Field("ActivityDate", Text(item.due_on)))
    return contract.Pushed_Mapped(fields)
